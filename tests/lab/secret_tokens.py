"""CreateSecret: AWS takes a request that comes twice for one, by its token; ministack says that the secret is there."""

import json

from ministack.core.responses import json_response
from ministack.services import secretsmanager

# What was answered, by the token of the request.
answered = {}


def install():
    create = secretsmanager._create_secret

    def create_once(data):
        token, name = data.get("ClientRequestToken"), data.get("Name")
        if token in answered and name in secretsmanager._secrets:
            return json_response(answered[token])
        status, headers, body = create(data)
        if status == 200 and token:
            answered[token] = json.loads(body)
        return status, headers, body

    secretsmanager._create_secret = create_once
