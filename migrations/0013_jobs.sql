-- Work that is done later, once: reminders and scheduled messages today.
--
-- Any server takes what is due, `for update skip locked`, and moves its time to the end of a lease before it begins. So a job
-- whose server dies comes back by itself, and may run more than once: what it does must be safe to repeat. Times are the
-- database's, so it does not matter whose clock is wrong.
--
-- An older server that runs at the same time does not know this table: what is due then waits for the newer one.

create table jobs (
    id uuid primary key default gen_random_uuid(),
    -- What is to be done: see `store/jobs.rs`. A server takes only the kinds that it knows.
    kind text not null,
    -- With what. One thing has one job: planning it again moves it.
    key text not null,
    -- For whom.
    user_id uuid not null references users (id),
    -- When it may be taken; while it is being done, when its lease ends.
    due_at timestamptz not null,
    -- How often it was begun since it was planned.
    tries integer not null default 0,
    -- Counts whatever was decided about it. Who has taken it may end it only if nobody has decided anything since.
    version bigint not null default 0,
    -- It has failed too often: it waits for an administrator.
    dead_at timestamptz,
    error text not null default '',
    unique (kind, key)
);

-- What is due, and what will be next: the periodic question of each server.
create index jobs_due on jobs (due_at) where dead_at is null;
-- What administrators see.
create index jobs_dead on jobs (dead_at desc, id) where dead_at is not null;
