-- A table of this schema that holds something, or NULL: what is sealed, hashed under a key or wrapped is bytea, in every
-- service's tables. Where it is not NULL, a data key has been in use (datakey.h). STABLE, so that whoever asks sees data_key
-- and the tables as of one moment.
CREATE FUNCTION sealed_rows() RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
    t     record;
    found boolean;
BEGIN
    FOR t IN
        SELECT c.relname AS name, string_agg(format('octet_length(%I) > 0', a.attname), ' OR ') AS holds
            FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
            WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
                AND c.relname NOT IN ('data_key', 'migrations')
                AND a.atttypid = 'bytea'::regtype AND a.attnum > 0 AND NOT a.attisdropped
            GROUP BY c.relname ORDER BY c.relname
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I WHERE %s)', t.name, t.holds) INTO found;
        IF found THEN
            RETURN t.name;
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
