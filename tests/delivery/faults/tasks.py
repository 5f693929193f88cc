"""
Tasks of Celery that emit and decide, over a broker which is a folder.

`python -m delivery.faults.tasks [[TASK, ARGUMENTS], …]` leaves tasks for the worker. Each that is
done is a line of the file `done` in the folder: the process, and of a decision its request and its
id.
"""

import json
import os
import sys
from pathlib import Path

from celery import Celery

from delivery.faults.application import client, emit

FOLDER = Path(os.environ["CLEW_BROKER"])

app = Celery("tasks", broker="filesystem://")
app.conf.update(
    broker_transport_options={
        "data_folder_in": str(FOLDER / "queue"),
        "data_folder_out": str(FOLDER / "queue"),
        "control_folder": str(FOLDER / "control"),
        "processed_folder": str(FOLDER / "processed"),
        "store_processed": True,
    },
    task_ignore_result=True,
)


@app.task(name="view")
def view(name, count):
    """Emit."""
    done(emit(name, count))


@app.task(name="choose")
def choose(request_id):
    """Decide, as a task does that may be repeated."""
    decision = client.decide("hero", subject="u-1", request_id=request_id)
    done(os.getpid(), request_id, decision.id)


def done(*words):
    """Tell of a task that is done, by one write."""
    with (FOLDER / "done").open("a") as file:
        file.write(" ".join(map(str, words)) + "\n")


if __name__ == "__main__":
    for task, arguments in json.loads(sys.argv[1]):
        app.send_task(task, arguments)
else:
    emit("master", 20)
