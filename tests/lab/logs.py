"""FilterLogEvents: ministack gives one page and does not know `logStreamNamePrefix`."""

import json

from ministack.services import cloudwatch_logs
from ministack.core.responses import error_response_json, json_response

def install():
    pass
