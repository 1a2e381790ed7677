-- Whom an alert is about (alerts.h), by the hash by which a subject is found; NULL: nobody. Erasing a subject is the end of
-- its row, and its alerts end in the same transaction.
ALTER TABLE alerts ADD COLUMN subject bytea CHECK (length(subject) = 16);
CREATE INDEX alerts_subject ON alerts (subject) WHERE subject IS NOT NULL;

CREATE FUNCTION erase_alerts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM alerts WHERE subject = OLD.hash;
    RETURN NULL;
END $$;
CREATE TRIGGER subjects_erased AFTER DELETE ON subjects FOR EACH ROW EXECUTE FUNCTION erase_alerts();
