-- Someone may be suspended: the account stays, with its rooms and its messages, and nobody can use it. Whoever asks whether a
-- session is good, or makes one, asks for this as well, so that a session that was left over, or is made at this very moment,
-- is worth nothing. The time is for whoever reads the table. No index on it: it is asked for one person whose row is read
-- anyway, and in the list of people, which is a scan of `users` as finding them is.
alter table users add column suspended_at timestamptz;
