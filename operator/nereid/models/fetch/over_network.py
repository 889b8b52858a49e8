"""Fetches files over a network: lists and selects them, downloads or copies them from the cache, and verifies them."""

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
from nereid.models.sources.bounds import Bound
from nereid.models.sources.digest import file_hash, files_below
from nereid.models.sources.failures import ChangedError, failed
from nereid.models.sources.opening import open_source
from nereid.models.sources.remote import HeldOpen, PackedFiles, RemoteFile, RemoteFiles
from nereid.models.sources.selection import Selection, select
from nereid.models.sources.transfer import DownloadFolder, Transfer, require_room

logger = logging.getLogger(__name__)


def fetch_over_network(
    source: RemoteSource,
    request: Request,
    staging: Staging,
    limits: Limits,
    require: Callable[[Selection], None] = lambda _: None,
) -> Arrival:
    """Fetch the selected files into the staging's `arrived`; raise FetchError if that fails.

    Files that were downloaded before the process was killed are not requested again. `require` raises FetchError for a
    selection that must not be fetched, before it is downloaded; of a package only after it is unpacked.
    """
    arrival = _complete_download(staging)
    if arrival is None:
        _Job(str(source), request, staging, Attempts(limits), open_source(source, request), require).run()
        arrival = _complete_download(staging)
    if arrival is None:
        raise failed(f"{source} disappeared from the pod's disk right after it was fetched: check the node")
    return arrival


def _complete_download(staging: Staging) -> Arrival | None:
    """Return the complete download; None if there is none, or if a process was killed while it moved its files."""
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
        """List and download; repeat both if the source changes in between."""
        try:
            while not self._is_done():
                self._release()
        except OutOfTimeError as error:
            limit = self.attempts.limits.total
            raise failed(f"{self.shown} was not fetched within {limit:.0f} s: check its server") from error
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
        files = self.attempts.with_retries(self.remote.files)
        # Which packages hold the path is only known when they are unpacked.
        path = None if self._is_packed else self.request.path
        selection = select(files, path, self.shown, self.request.format)
        if not self._is_packed:
            self.require(selection)
        # Before the cache, which makes room for what it is told.
        self._bound.require_bytes(selection.total)
        arrival = self._cached(selection) or self._downloaded(selection, DownloadFolder(self.staging.download))
        if self._is_packed:
            arrival = self._unpacked(arrival)
        self.staging.arrive(arrival)

    def _downloaded(
        self, selection: Selection, folder: DownloadFolder, keep_alive: Callable[[], None] = lambda: None
    ) -> Arrival:
        transfer = Transfer(self.shown, self.remote, self.attempts, self._bound, keep_alive)
        hashes = transfer.run(selection, folder)
        arrival = Arrival.of(folder.content, hashes, is_file=selection.is_file)
        if not self._is_packed:
            arrival.require(self.request.digest, self.shown)
        return arrival

    def _cached(self, selection: Selection) -> Arrival | None:
        """Return a copy of the cached files; None if the cache cannot be used."""
        if self.request.cache is None:
            return None
        into = DownloadFolder(self.staging.copied).content
        shutil.rmtree(self.staging.copied, ignore_errors=True)
        require_room(self.staging.root, selection.total or 0, self.shown)
        cache = Cache(self.request.cache, self.request.cache_limit)
        try:
            entry = cache.entry(self.request, selection)
            arrival = cache.copy(
                entry,
                selection.total,
                lambda folder, alive: self._downloaded(selection, folder, alive),
                into,
                self._wait,
            )
            if self._is_meant(arrival, selection):
                return arrival
            entry.remove()
            logger.warning("%s is fetched without the cache, whose copy of it is not valid", self.shown)
        except UncachedError as error:
            logger.warning("%s is fetched without the cache: %s", self.shown, error)
        except OSError as error:
            logger.warning("%s is fetched without the cache, which failed: %s", self.shown, error.strerror)
        shutil.rmtree(self.staging.copied, ignore_errors=True)
        return None

    def _is_meant(self, arrival: Arrival, selection: Selection) -> bool:
        """Whether a copy from the cache, which others may write to, equals what this pod would download itself."""
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
        """Close the connection, so that no server waits for this process to read on."""
        if isinstance(self.remote, HeldOpen):
            self.remote.close()

    @property
    def _bound(self) -> Bound:
        return Bound.of(self.request, self.shown)

    @property
    def _is_packed(self) -> bool:
        return isinstance(self.remote, PackedFiles) and self.remote.is_packed

    def _unpacked(self, packages: Arrival) -> Arrival:
        """Return the files of the packages that the path selects."""
        assert isinstance(self.remote, PackedFiles)  # noqa: S101 - tells the type checker what `_is_packed` has checked
        for folder in (self.staging.unpacked, self.staging.opened):
            shutil.rmtree(folder, ignore_errors=True)
        self.staging.unpacked.mkdir()
        self.remote.unpack(packages.content, self.staging.unpacked)
        files = [_described(path, self.staging.unpacked) for path in files_below(self.staging.unpacked)]
        selection = select(files, self.request.path, self.shown, self.request.format)
        self.require(selection)
        content = DownloadFolder(self.staging.opened).content
        _keep(self.staging.unpacked / (self.request.path or ""), selection, content, self.shown)
        shutil.rmtree(self.staging.unpacked, ignore_errors=True)
        hashes = {path: file_hash(content / path) for path, _ in selection.files}
        arrival = Arrival.of(content, hashes, is_file=selection.is_file, cached=packages.cached)
        arrival.require(self.request.digest, self.shown)
        return arrival


def _keep(at: Path, selection: Selection, content: Path, shown: str) -> None:
    """Move the selected part of the unpacked files, a folder or files beside each other, to `content`."""
    # The path may name a link.
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
