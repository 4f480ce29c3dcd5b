from django.db import migrations

# Django itself sets an event's account to NULL when the account is deleted; all
# other changes must come through models.event.changeable_events.
APPEND_ONLY = """
CREATE FUNCTION uploads_event_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('slipway.trail_opened_for', true) IN ('retention', 'erasure') THEN
        RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    IF TG_OP = 'UPDATE'
        AND (NEW.user_id IS NULL OR NEW.user_id IS NOT DISTINCT FROM OLD.user_id)
        AND (NEW.actor_id IS NULL OR NEW.actor_id IS NOT DISTINCT FROM OLD.actor_id)
        AND ROW(NEW.id, NEW.upload_id, NEW.kind, NEW.at, NEW.request_id, NEW.address, NEW.detail)
            IS NOT DISTINCT FROM
            ROW(OLD.id, OLD.upload_id, OLD.kind, OLD.at, OLD.request_id, OLD.address, OLD.detail)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'Events are append-only.' USING ERRCODE = 'integrity_constraint_violation';
END
$$;
CREATE TRIGGER uploads_event_is_append_only
    BEFORE UPDATE OR DELETE ON uploads_auditevent
    FOR EACH ROW EXECUTE FUNCTION uploads_event_is_append_only();
"""
CHANGEABLE = """
DROP TRIGGER uploads_event_is_append_only ON uploads_auditevent;
DROP FUNCTION uploads_event_is_append_only();
"""


def guard(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(APPEND_ONLY, params=None)


def unguard(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(CHANGEABLE, params=None)


class Migration(migrations.Migration):
    dependencies = [("uploads", "0001_initial")]

    operations = [migrations.RunPython(guard, unguard)]
