"""Below /api/v1/: what stages 1 and 2 answer."""

from django.urls import path

from campaigns.api import campaigns, customers, events, segments, suppressions, templates

urlpatterns = [
    path("customers/", customers.Customers.as_view()),
    path("customers/bulk/", customers.CustomersInBulk.as_view()),
    path("customers/<path:external_id>/", customers.CustomerDetail.as_view()),
    path("events/", events.Events.as_view()),
    path("segments/", segments.Segments.as_view()),
    path("segments/preview/", segments.RulePreview.as_view()),
    path("segments/<slug:key>/", segments.SegmentDetail.as_view()),
    path("segments/<slug:key>/preview/", segments.SegmentPreview.as_view()),
    path("templates/", templates.Templates.as_view()),
    path("templates/<slug:key>/", templates.TemplateDetail.as_view()),
    path("templates/<slug:key>/publish/", templates.TemplatePublish.as_view()),
    path("templates/<slug:key>/versions/", templates.TemplateVersions.as_view()),
    path("templates/<slug:key>/rollback/", templates.TemplateRollback.as_view()),
    path("campaigns/", campaigns.Campaigns.as_view()),
    path("campaigns/<slug:key>/", campaigns.CampaignDetail.as_view()),
    path("campaigns/<slug:key>/validate/", campaigns.CampaignValidate.as_view()),
    path("campaigns/<slug:key>/preflight/", campaigns.CampaignPreflight.as_view()),
    path("campaigns/<slug:key>/publish/", campaigns.CampaignPublish.as_view()),
    path("campaigns/<slug:key>/versions/", campaigns.CampaignVersions.as_view()),
    path("suppressions/", suppressions.Suppressions.as_view()),
]
