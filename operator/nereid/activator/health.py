"""Answers the kubelet: /healthz while the process works, /readyz while it accepts requests."""

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Callable


class Health:
    """Both probes of one process."""

    def __init__(self) -> None:
        self.ready = False
        self.has_keys: Callable[[], bool] = lambda: True

    def runner(self) -> web.AppRunner:
        """Return a server of the probes."""
        application = web.Application()
        application.router.add_get("/healthz", self._healthz)
        application.router.add_get("/readyz", self._readyz)
        return web.AppRunner(application, access_log=None)

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def _readyz(self, _: web.Request) -> web.Response:
        if self.ready and self.has_keys():
            return web.Response(text="ok")
        cause = "its Secret has no key" if self.ready else "the activator starts or shuts down"
        return web.Response(text=cause, status=web.HTTPServiceUnavailable.status_code)
