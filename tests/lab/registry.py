"""ECR's registry where engines can reach it: on the gateway's own port, with the account and the region in the path.

ministack names a host that is nowhere, and cannot tell accounts apart in requests without a signature.
"""

import os
import re

from ministack.core import responses
from ministack.services import ecr

SCOPED = re.compile(r"^/v2/(\d{12})/([a-z]+-[a-z]+-\d)(/.+)$")


def install():
    host = f"127.0.0.1:{os.environ['GATEWAY_PORT']}"
    handle = ecr.handle_registry_request

    def uri(name):
        return f"{host}/{responses.get_account_id()}/{responses.get_region()}/{name}"

    async def handle_scoped(method, path, headers, body, query_params):
        scoped = SCOPED.match(path)
        if not scoped:
            return await handle(method, path, headers, body, query_params)
        account, region, rest = scoped.groups()
        responses.set_request_account_id(account)
        responses.set_request_region(region)
        status, answered, content = await handle(method, "/v2" + rest, headers, body, query_params)
        location = answered.get("Location", "")
        if location.startswith("/v2/"):
            answered = {**answered, "Location": f"/v2/{account}/{region}{location[3:]}"}
        return status, answered, content

    ecr._repo_uri = uri
    ecr.handle_registry_request = handle_scoped
