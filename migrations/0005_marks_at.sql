-- When someone's marks grew last. That they did is told in passing, and may be lost: a server asks from time to time what has
-- grown since it last asked, in the rooms that it follows. No index on it: marks are the most frequent write, and stay a
-- change within one page only while no index names what they change.
alter table members add column marked_at timestamptz not null default now();
