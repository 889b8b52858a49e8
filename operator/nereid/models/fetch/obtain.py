"""Files from behind a network: listed, chosen, downloaded or copied from the cache, verified, and then there as one."""

import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from nereid.contract.fetch_errors import FetchError
from nereid.contract.fetch_request import Request
from nereid.contract.source import RemoteSource
from nereid.models.fetch.arrival import Arrival, DamagedError
from nereid.models.fetch.cache import Cache, UncachedError
from nereid.models.fetch.staging import Staging
from nereid.models.fetch.symlinks import keep_what_links_leave
from nereid.models.sources.attempts import Attempts, Limits, OutOfTimeError
from nereid.models.sources.digest import file_hash, files_below
from nereid.models.sources.failures import ChangedError, failed
from nereid.models.sources.opening import open_source
from nereid.models.sources.remote import HeldOpen, PackedFiles, RemoteFile, RemoteFiles
from nereid.models.sources.selection import Selection, select
from nereid.models.sources.transfer import DownloadFolder, Transfer, require_room

logger = logging.getLogger(__name__)


def obtain(
    source: RemoteSource,
    request: Request,
    staging: Staging,
    limits: Limits,
    require: Callable[[Selection], None] = lambda _: None,
) -> Arrival:
    """Bring the selected files into the staging's `arrived`; raise FetchError when they cannot be had.

    What arrived before the process was killed is not asked for again. `require` raises FetchError for a selection that
    is not to be fetched, before it is downloaded; of what is packed nobody knows it before it is unpacked.
    """
    arrival = _kept(staging)
    if arrival is None:
        _Job(str(source), request, staging, Attempts(limits), open_source(source, request), require).run()
        arrival = _kept(staging)
    if arrival is None:
        raise failed(f"{source} vanished from the disk for models as soon as it was there: look at the node")
    return arrival


def _kept(staging: Staging) -> Arrival | None:
    """Return what arrived; None when nothing has, or a process that was killed had begun to move it into place."""
    if not staging.arrived.exists():
        return None
    try:
        arrival = Arrival.read(staging.arrived_list, DownloadFolder(staging.arrived).content)
    except DamagedError:
        arrival = None
    if arrival is None or not arrival.is_whole:
        shutil.rmtree(staging.arrived)
        return None
    return arrival


@dataclass(frozen=True, slots=True)
class _Job:
    shown: str
    request: Request
    staging: Staging
    attempts: Attempts
    remote: RemoteFiles
    require: Callable[[Selection], None]

    def run(self) -> None:
        """List and download until nothing changes in between."""
        try:
            while not self._is_done():
                self._release()
        except OutOfTimeError as error:
            limit = self.attempts.limits.total
            raise failed(f"{self.shown} was not there after {limit:.0f} s: look at its server") from error
        finally:
            self._release()

    def _is_done(self) -> bool:
        try:
            self._once()
        except ChangedError as change:
            self.attempts.changed(change)
            return False
        return True

    def _once(self) -> None:
        files = self.attempts.asked(self.remote.files)
        # Only what is in the packages tells which of them hold the path.
        path = None if self._is_packed else self.request.path
        selection = select(files, path, self.shown, self.request.format)
        if not self._is_packed:
            self.require(selection)
        arrival = self._cached(selection) or self._downloaded(selection, DownloadFolder(self.staging.download))
        if self._is_packed:
            arrival = self._unpacked(arrival)
        self.staging.arrive(arrival)

    def _downloaded(
        self, selection: Selection, folder: DownloadFolder, keep_alive: Callable[[], None] = lambda: None
    ) -> Arrival:
        transfer = Transfer(self.shown, self.remote, self.attempts, keep_alive)
        hashes = transfer.run(selection, folder)
        arrival = Arrival.of(folder.content, hashes, is_file=selection.is_file)
        if not self._is_packed:
            arrival.require(self.request.digest, self.shown)
        return arrival

    def _cached(self, selection: Selection) -> Arrival | None:
        """Return a copy of the cached files; None where the cache cannot be used."""
        if self.request.cache is None:
            return None
        into = DownloadFolder(self.staging.copied).content
        shutil.rmtree(self.staging.copied, ignore_errors=True)
        require_room(self.staging.root, selection.total or 0, self.shown)
        cache = Cache(self.request.cache, self.request.cache_limit)
        try:
            entry = cache.entry(self.request, selection)
            arrival = cache.obtain(
                entry,
                selection.total,
                lambda folder, alive: self._downloaded(selection, folder, alive),
                into,
                self._wait,
            )
            if self._is_meant(arrival, selection):
                return arrival
            entry.remove()
            logger.warning("%s is fetched without the cache, which holds something else for it", self.shown)
        except UncachedError as error:
            logger.warning("%s is fetched without the cache: %s", self.shown, error)
        except OSError as error:
            logger.warning("%s is fetched without the cache, which failed: %s", self.shown, error.strerror)
        shutil.rmtree(self.staging.copied, ignore_errors=True)
        return None

    def _is_meant(self, arrival: Arrival, selection: Selection) -> bool:
        """Whether a copy from the cache, which others may write to, is what this pod would have downloaded itself."""
        if not self._is_packed:
            try:
                arrival.require(self.request.digest, self.shown)
            except FetchError:
                return False
        return selection.is_met_by(arrival.files)

    def _wait(self) -> None:
        self.attempts.goes_on()
        self._release()

    def _release(self) -> None:
        """Let no server wait for this process to read on."""
        if isinstance(self.remote, HeldOpen):
            self.remote.close()

    @property
    def _is_packed(self) -> bool:
        return isinstance(self.remote, PackedFiles) and self.remote.is_packed

    def _unpacked(self, packages: Arrival) -> Arrival:
        """Return what the path selects of what the packages hold."""
        assert isinstance(self.remote, PackedFiles)  # noqa: S101 - tells the type checker what `_is_packed` found
        for folder in (self.staging.unpacked, self.staging.opened):
            shutil.rmtree(folder, ignore_errors=True)
        self.staging.unpacked.mkdir()
        self.remote.unpack(packages.content, self.staging.unpacked)
        held = [_described(path, self.staging.unpacked) for path in files_below(self.staging.unpacked)]
        selection = select(held, self.request.path, self.shown, self.request.format)
        self.require(selection)
        content = DownloadFolder(self.staging.opened).content
        _keep(self.staging.unpacked / (self.request.path or ""), selection, content, self.shown)
        shutil.rmtree(self.staging.unpacked, ignore_errors=True)
        hashes = {path: file_hash(content / path) for path, _ in selection.files}
        arrival = Arrival.of(content, hashes, is_file=selection.is_file, cached=packages.cached)
        arrival.require(self.request.digest, self.shown)
        return arrival


def _keep(at: Path, selection: Selection, content: Path, shown: str) -> None:
    """Let what is selected of the unpacked files, a folder or files beside each other, appear in `content`."""
    # What the path names may be a link to it.
    chosen = at.resolve()
    content.parent.mkdir(parents=True)
    if chosen.is_dir():
        keep_what_links_leave(chosen, shown)
        chosen.rename(content)
        return
    content.mkdir()
    for path, _ in selection.files:
        (content / path).hardlink_to((at.parent / path).resolve())


def _described(path: Path, folder: Path) -> RemoteFile:
    return RemoteFile(PurePosixPath(path.relative_to(folder).as_posix()), path.stat().st_size, "")
