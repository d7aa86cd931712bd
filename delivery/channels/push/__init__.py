"""Notifications to devices: through FCM, and to browsers by Web Push."""
