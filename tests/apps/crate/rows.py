"""Prepare or count what `crate_django_manage resubmit_unprocessed_tasks` is for: rows.py make | wait | drop | count."""

import os
import sys

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "crate_anon.crateweb.config.settings"
django.setup()

from crate_anon.crateweb.consent.models import ContactRequest, PatientResponse, Study
from django.contrib.auth.models import User

if sys.argv[1] in ("make", "wait"):
    user, _ = User.objects.get_or_create(username="lead")
    study, _ = Study.objects.get_or_create(
        institutional_id=1,
        defaults={
            "title": "A study",
            "lead_researcher": user,
            "patient_contact": True,
            "include_under_16s": False,
            "include_lack_capacity": False,
            "clinical_trial": False,
            "include_discharged": False,
            "request_direct_approach": False,
            "approved_by_rec": True,
            "approved_locally": True,
        },
    )
    # With `make` the patients have said no, with `wait` one has not answered yet.
    response = PatientResponse.NO if sys.argv[1] == "make" else None
    for number in range(8 if response else 1):
        # The request was dealt with; only the answer is still to be processed.
        request = ContactRequest.objects.create(
            request_by=user, study=study, request_direct_approach=False, processed=True, nhs_number=number
        )
        PatientResponse.objects.create(contact_request=request, response=response)
if sys.argv[1] == "drop":
    PatientResponse.objects.filter(processed=False, response__isnull=True).delete()
print("unprocessed:", PatientResponse.objects.filter(processed=False).count())
