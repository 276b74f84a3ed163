"""The pages."""

from django.urls import path

from transcription import views

urlpatterns = [
    path("", views.meetings, name="meetings"),
    path("sample/", views.sample, name="sample"),
    path("m/<int:meeting_id>/", views.meeting, name="meeting"),
    path("m/<int:meeting_id>/people/", views.people, name="people"),
    path("m/<int:meeting_id>/people/<int:participant_id>/remove/", views.remove, name="remove"),
    path("m/<int:meeting_id>/upload/", views.upload, name="upload"),
    path("m/<int:meeting_id>/recordings/", views.recordings, name="recordings"),
    path("m/<int:meeting_id>/recordings/<int:recording_id>/", views.recording, name="recording"),
    path("m/<int:meeting_id>/recordings/<int:recording_id>/retry/", views.retry, name="retry"),
    path("m/<int:meeting_id>/recordings/<int:recording_id>/cancel/", views.cancel, name="cancel"),
    path("m/<int:meeting_id>/recordings/<int:recording_id>/audio", views.audio, name="audio"),
]
