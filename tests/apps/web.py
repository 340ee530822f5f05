"""Stands for an application's web pages: reads the settings when it starts, as Apache or gunicorn do, and sends tasks.

web.py APP. Asked at http://127.0.0.1:8099/, it sends a task that every worker of Celery knows. From Python 2.7 on.
"""

import os
import sys

try:
    from http.server import BaseHTTPRequestHandler, HTTPServer
except ImportError:
    from BaseHTTPServer import BaseHTTPRequestHandler, HTTPServer

from celery.app.utils import find_app

sys.path.insert(0, os.getcwd())
if os.environ.get("DJANGO_SETTINGS_MODULE"):
    try:
        import django

        django.setup()
    except ImportError:
        pass
app = find_app(sys.argv[1])
assert app.conf.broker_url


class Page(BaseHTTPRequestHandler):
    """The one page there is."""

    def do_GET(self):
        """Send a task, with no patience."""
        try:
            policy = {"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0}
            app.send_task("celery.accumulate", args=[1, 2], retry=True, retry_policy=policy)
            self.send_response(200)
        except Exception as exc:
            sys.stderr.write(repr(exc) + "\n")
            self.send_response(500)
        self.end_headers()


HTTPServer(("127.0.0.1", 8099), Page).serve_forever()
