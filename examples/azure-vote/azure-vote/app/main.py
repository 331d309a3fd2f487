import os

import redis
from flask import Flask, render_template, request

CHOICES = ("Cats", "Dogs")

app = Flask(__name__)
votes = redis.Redis(host=os.environ["REDIS"], decode_responses=True)


@app.route("/", methods=["GET", "POST"])
def index():
    if request.method == "POST":
        vote = request.form["vote"]
        if vote == "reset":
            votes.delete(*CHOICES)
        elif vote in CHOICES:
            votes.incr(vote)
    return render_template("index.html", counts={choice: int(votes.get(choice) or 0) for choice in CHOICES})


if __name__ == "__main__":
    app.run(host="0.0.0.0", port=80)
