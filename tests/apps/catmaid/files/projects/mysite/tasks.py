"""Tasks whose arguments only pickle can carry, and the names of CATMAID's own."""

import os
import time

from mysite.celery import app
from mysite.settings import MEDIA_ROOT


class Job:
    """What to crop: an object, not something JSON could say."""

    def __init__(self, name, seconds):
        """One file after so many seconds."""
        self.name = name
        self.seconds = seconds


@app.task
def crop(job):
    """Work, then leave a file."""
    time.sleep(job.seconds)
    with open(os.path.join(MEDIA_ROOT, job.name), "w") as file:
        file.write("done\n")


@app.task
def clean_up():
    """Remove the files."""
    for name in os.listdir(MEDIA_ROOT):
        os.remove(os.path.join(MEDIA_ROOT, name))


def other():
    """Stands for each of CATMAID's own."""


# What the inventory expects of CATMAID 2021.12.
for name in (
    "catmaid.control.cropping.process_crop_job",
    "catmaid.control.nat.r.export_skeleton_as_nrrd_async",
    "catmaid.control.similarity.compute_nblast",
    "catmaid.control.similarity.compute_nblast_config",
    "catmaid.control.treenodeexport.process_export_job",
    "catmaid.create_roi_image",
    "catmaid.tasks.cleanup_cropped_stacks",
    "catmaid.tasks.deactivate_inactive_users",
    "catmaid.tasks.update_node_query_cache",
    "catmaid.tasks.update_project_statistics",
    "catmaid.tasks.update_project_statistics_from_scratch",
):
    app.task(other, name=name)
