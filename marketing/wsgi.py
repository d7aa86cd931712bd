import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketing.settings")
django = get_wsgi_application()

from delivery.views import hits  # noqa: E402 -- it names models, which are there only now

application = hits.ahead_of(django)

# What stands now stays, and a call with a thousand rows makes many things and hardly a cycle: looking for cycles as
# often as Python does would take a fifth of the time that it takes to read them.
gc.freeze()
gc.set_threshold(50_000, 20, 50)
