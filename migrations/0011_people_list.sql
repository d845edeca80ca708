-- The administration lists everyone a part at a time, the suspended ones first, and a search looks at a bounded number of accounts in
-- this order (`store::list_people`). Not `concurrently`: even with 100,000 accounts this takes less than a second.
create index users_listed on users ((suspended_at is null), lower(name), id);
