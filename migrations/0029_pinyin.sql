-- How names with Chinese characters are typed: spellings in pinyin and their initials, in lower case without tones, such as
-- `wangxiaoming wxm`. Empty for other names. The servers spell them, because Postgres has no table of readings: what an older server
-- writes, or wrote before this migration, is spelled when the next server starts (`store/pinyin.rs`).
alter table users add column pinyin text not null default '';
alter table rooms add column pinyin text not null default '';
-- A copy, like `sort_name` and `handle`: a search in a room looks at nothing but the memberships (0010).
alter table members add column pinyin text not null default '';
