"""Below /api/v1/: what stages 3 and 4 answer."""

from django.urls import path

from delivery.api import (
    customers,
    explanations,
    preflights,
    providers,
    runs,
    signals,
    steering,
    stops,
    templates,
    trials,
    unknowns,
    webhooks,
)

urlpatterns = [
    path("customers/<path:external_id>/timeline/", customers.CustomerTimeline.as_view()),
    path("customers/<path:external_id>/export/", customers.CustomerExport.as_view()),
    path("customers/<path:external_id>/explain/", explanations.CustomerExplanation.as_view()),
    path("templates/<slug:key>/preview/", templates.TemplatePreview.as_view()),
    path("campaigns/<slug:key>/preflight/", preflights.CampaignPreflight.as_view()),
    path("campaigns/<slug:key>/test/", trials.CampaignTest.as_view()),
    path("campaigns/<slug:key>/launch/", steering.CampaignLaunch.as_view()),
    path("campaigns/<slug:key>/pause/", steering.CampaignPause.as_view()),
    path("campaigns/<slug:key>/resume/", steering.CampaignResume.as_view()),
    path("campaigns/<slug:key>/cancel/", steering.CampaignCancel.as_view()),
    path("campaigns/<slug:key>/stop/", stops.CampaignStop.as_view()),
    path("campaigns/<slug:key>/go-on/", stops.CampaignGoOn.as_view()),
    path("providers/", providers.Providers.as_view()),
    path("providers/kinds/", providers.ProviderKindList.as_view()),
    path("providers/<slug:key>/", providers.ProviderDetail.as_view()),
    path("providers/<slug:key>/test/", providers.ProviderTrial.as_view()),
    path("signals/<slug:key>/", signals.ProviderSignals.as_view()),
    path("webhooks/", webhooks.Webhooks.as_view()),
    path("webhooks/<slug:key>/", webhooks.WebhookDetail.as_view()),
    path("webhooks/<slug:key>/test/", webhooks.WebhookTest.as_view()),
    path("webhooks/<slug:key>/rotate/", webhooks.WebhookRotation.as_view()),
    path("webhooks/<slug:key>/replay/", webhooks.WebhookReplay.as_view()),
    path("webhooks/<slug:key>/deliveries/", webhooks.WebhookDeliveries.as_view()),
    path("stop/", stops.SendingStop.as_view()),
    path("campaigns/<slug:key>/report/", runs.CampaignReport.as_view()),
    path("runs/", runs.Runs.as_view()),
    path("runs/<int:pk>/", runs.RunDetail.as_view()),
    path("runs/<int:pk>/messages/", runs.RunMessages.as_view()),
    path("runs/<int:pk>/unknowns/", unknowns.RunUnknowns.as_view()),
    path("runs/<int:pk>/unknowns/causes/", unknowns.RunUnknownCauses.as_view()),
    path("runs/<int:pk>/unknowns/resolve/", unknowns.RunUnknownResolve.as_view()),
    # Below every other path of a customer, since an id may have slashes.
    path("customers/<path:external_id>/", customers.CustomerDetail.as_view()),
]
