-- As totp_locked, of backup codes: with both locked, or no code left, nothing but a reset leads back.
ALTER TABLE second_factors ADD COLUMN backup_locked boolean NOT NULL DEFAULT false;

-- A hundred wrong ones in a row, as core/attempts.c writes them: the last four bytes.
UPDATE second_factors SET backup_locked = true WHERE substr(backup_attempts, 53, 4) >= '\x00000064'::bytea;
