-- When the proof that a session was made from came first, where it has come again: a web app's proof is no newer for that.
ALTER TABLE sessions ADD COLUMN auth_time timestamptz CHECK (auth_time <= created_at);      -- NULL: created_at
