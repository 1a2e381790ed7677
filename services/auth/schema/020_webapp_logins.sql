-- A web app's proof may come again: the sessions made from it are looked at then.
CREATE INDEX sessions_webapp_login ON sessions (login_hash) WHERE login_method = 'telegram_webapp';
