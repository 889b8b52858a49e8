"""Answers the kubelet: /healthz while the process works, /readyz while it accepts requests."""

from aiohttp import web


class Health:
    """Both probes of one process."""

    def __init__(self) -> None:
        self.ready = False

    def runner(self) -> web.AppRunner:
        """Return a server of the probes."""
        application = web.Application()
        application.router.add_get("/healthz", self._healthz)
        application.router.add_get("/readyz", self._readyz)
        return web.AppRunner(application, access_log=None)

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def _readyz(self, _: web.Request) -> web.Response:
        if self.ready:
            return web.Response(text="ok")
        return web.Response(text="the activator is shutting down", status=web.HTTPServiceUnavailable.status_code)
