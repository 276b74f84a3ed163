"""The URLs of the pages."""

from django.urls import path

from transcription.web import people_views, search_views, views

urlpatterns = [
    path("", views.meetings, name="meetings"),
    path("search/", search_views.everywhere, name="search"),
    path("sample/", views.sample, name="sample"),
    path("m/<int:meeting_id>/", views.meeting, name="meeting"),
    path("m/<int:meeting_id>/search/", search_views.inside, name="search_inside"),
    path("m/<int:meeting_id>/transcript/", views.transcript, name="transcript"),
    path("j/<str:token>/", people_views.join, name="join"),
    path("m/<int:meeting_id>/people/", people_views.people, name="people"),
    path("m/<int:meeting_id>/people/<int:participant_id>/rename/", people_views.rename, name="rename"),
    path("m/<int:meeting_id>/people/<int:participant_id>/remove/", people_views.remove, name="remove"),
    path("m/<int:meeting_id>/link/", people_views.link, name="link"),
    path("m/<int:meeting_id>/language/", people_views.language, name="language"),
    path("m/<int:meeting_id>/end/", people_views.end, name="end"),
    path("m/<int:meeting_id>/reopen/", people_views.reopen, name="reopen"),
    path("m/<int:meeting_id>/delete/", people_views.delete, name="delete"),
    path("m/<int:meeting_id>/upload/", views.upload, name="upload"),
    path("m/<int:meeting_id>/recordings/", views.recordings, name="recordings"),
    path("m/<int:meeting_id>/recordings/<int:recording_id>/", views.recording, name="recording"),
    path("m/<int:meeting_id>/recordings/<int:recording_id>/retry/", views.retry, name="retry"),
    path("m/<int:meeting_id>/recordings/<int:recording_id>/cancel/", views.cancel, name="cancel"),
    path("m/<int:meeting_id>/recordings/<int:recording_id>/audio", views.audio, name="audio"),
    path("m/<int:meeting_id>/timeline/", views.timeline_of, name="timeline"),
    path("m/<int:meeting_id>/recordings/<int:recording_id>/words/<int:first>/", views.words, name="words"),
]
