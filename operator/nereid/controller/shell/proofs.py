"""Writes the present proofs for the activator into routes and ScaledObjects that no plan makes anew.

A model whose spec is rejected goes on as it is, asleep too. Its routes would be refused as soon as the activator no
longer accepts the key, or the missing proof, that was there when they were made.
"""

import asyncio
import logging

from nereid.api.identity import Owner
from nereid.controller.build.proofs import has_old_proof, with_present_proofs
from nereid.controller.shell.cluster.children import Child, Children
from nereid.controller.shell.cluster.client import Client
from nereid.controller.shell.cluster.errors import ApiError, Conflict, NotFound
from nereid.controller.shell.cluster.resources import resource_of
from nereid.controller.shell.outcome import FIRST_RETRY_SECONDS, LATER_RETRY_SECONDS

_logger = logging.getLogger(__name__)


class Proofs:
    """Renews the proofs in one ModelDeployment's objects at a time."""

    def __init__(self, client: Client, children: Children, cluster_domain: str) -> None:
        self._client = client
        self._children = children
        self._cluster_domain = cluster_domain

    async def renew(self, owner: Owner, key: str) -> float | None:
        """Have all proofs of the owner's objects made by `key`, if there is one; nothing else in them is changed.

        Returns the seconds after which to try again; None if all of them are.
        """
        old = [
            child
            for child in self._children.of(owner)
            if key and not child.deleting and has_old_proof(child.proofs, owner, key, self._cluster_domain)
        ]
        waits = await asyncio.gather(*(self._renew(child, owner, key) for child in old))
        return min((wait for wait in waits if wait is not None), default=None)

    async def _renew(self, child: Child, owner: Owner, key: str) -> float | None:
        try:
            raw = await self._client.get(resource_of({"kind": child.kind}), child.namespace, child.name)
            # The answer to a request for one object names its kind in any case.
            manifest = with_present_proofs(raw, owner, key, self._cluster_domain)
            manifest["metadata"] |= {"uid": child.uid, "resourceVersion": raw["metadata"]["resourceVersion"]}
            written = await self._client.apply(manifest, force=True)
        except NotFound:
            return None
        except ApiError as error:
            _logger.warning(
                "%s %s/%s still has an old proof for the activator, which will reject requests to the sleeping model; "
                "it is tried again: %s",
                child.kind,
                child.namespace,
                child.name,
                error,
            )
            return FIRST_RETRY_SECONDS if isinstance(error, Conflict) else LATER_RETRY_SECONDS
        # It is compared with its manifest again once there is one.
        self._children.applied(child.kind, written, is_as_sent=False)
        return None
