"""An AWS laboratory: ministack, imported unmodified, and what AWS does that it does not.

    python -m lab [--containers --image IMAGE]        with the folder above this one in PYTHONPATH

It picks a free port on 127.0.0.1, prints its address as one line of JSON when it answers, and ends when its
standard input does, so a test that dies leaves nothing behind. Any 12 digits are an account's access key: one
laboratory serves many tests, each with an account of its own.

Each module patches one thing and says why: what ministack does, and what AWS does instead.
"""

MINISTACK_VERSION = "1.5.33"
