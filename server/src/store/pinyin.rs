//! Pinyin: how names with Chinese characters are typed, so that `wxm` and `wangxiaoming` find 王小明.
//!
//! Spellings follow from names. Profiles and rooms carry them; the columns are only searched. Postgres
//! cannot spell, so [`Store::spell_people`] and [`Store::spell_rooms`] fill in what an older server wrote.

use pinyin::ToPinyin as _;
use protocol::limits::PINYIN_BYTES_MAX;
use uuid::Uuid;

use super::{Error, Store, retry_deadlocks};

/// Syllables that are spelled. The rest of a long title is left out.
const SYLLABLES_MAX: usize = 16;
/// The most spellings of one name. More than two ambiguous characters in one are rare.
const SPELLINGS_MAX: usize = 4;

/// Characters with another common reading, in names or in titles of rooms. The table of the crate has every
/// reading that was ever used, so for all other characters only the first one counts.
const ALSO: &str = "万mo 么yao 乐yue 乾gan 仇qiu 什shi 传zhuan 会kuai 似si 便pian 俟si 六lu 单shan 卜bu 厦xia 参shen \
                    召shao 员yun 大dai 娜nuo 宿xiu 尉yu 弹tan 强jiang 折she 拓ta 数shuo 晟sheng \
                    曾zeng 朝zhao 朴piao 柏bo 查zha 校jiao 模mu 泊bo 洗xian 牟mu 率shuai 盖ge 盛cheng 省xing \
                    祭zhai 种chong 秘bi 系ji 给ji 缪miao 翟zhai 茜xi 莘xin 落la 蔚yu 薄bo 藏zang 行hang 覃qin 角jue \
                    解xie 识zhi 说yue 调tiao 贾gu 车ju 还huan 那nuo 都du 重chong 长chang 降xiang 隗wei 露lou \
                    阿e 区ou 黑he 褚zhu";

/// How a name is typed: its spellings without tones, then their initials, separated by spaces. Empty for a
/// name without Chinese characters.
pub(super) fn spell(name: &str) -> String {
    if name.chars().all(|c| reading(c).is_none()) {
        return String::new();
    }
    let mut spellings = vec![(String::new(), String::new())];
    let mut add = |readings: &[String]| {
        let readings =
            if spellings.len() * readings.len() > SPELLINGS_MAX { &readings[..1] } else { readings };
        let longer = |(whole, initials): &(String, String)| {
            let (whole, initials) = (whole.clone(), initials.clone());
            readings.iter().map(move |reading| {
                let initial = reading.chars().next();
                (whole.clone() + reading, initials.chars().chain(initial).collect())
            })
        };
        spellings = spellings.iter().flat_map(longer).collect();
    };
    let (mut syllables, mut word) = (0, String::new());
    // The character after the last one ends its word.
    for c in name.chars().chain([' ']) {
        if syllables == SYLLABLES_MAX {
            break;
        }
        if c.is_ascii_alphanumeric() {
            word.push(c.to_ascii_lowercase());
            continue;
        }
        if !word.is_empty() {
            add(&[std::mem::take(&mut word)]);
            syllables += 1;
        }
        if let Some(first) = reading(c) {
            let also = ALSO.split_whitespace().filter_map(|pair| pair.strip_prefix(c)).map(str::to_owned);
            add(&[first].into_iter().chain(also).collect::<Vec<_>>());
            syllables += 1;
        }
    }
    let (whole, initials): (Vec<String>, Vec<String>) = spellings.into_iter().unzip();
    let mut all: Vec<String> = Vec::new();
    let mut bytes = 0;
    for spelling in whole.into_iter().chain(initials) {
        bytes += spelling.len() + 1;
        if bytes > PINYIN_BYTES_MAX {
            break;
        }
        if !all.contains(&spelling) {
            all.push(spelling);
        }
    }
    all.join(" ")
}

/// The usual reading of a character, as it is typed: with `v` for `ü`.
fn reading(c: char) -> Option<String> {
    let typed = |c: char| match c {
        'ü' => Some('v'),
        'ê' => Some('e'),
        c => Some(c).filter(char::is_ascii_lowercase),
    };
    Some(c.to_pinyin()?.plain().chars().filter_map(typed).collect())
        .filter(|typed: &String| !typed.is_empty())
}

/// How many names are looked at in one step: some milliseconds.
const STEP: i64 = 500;

/// A name, and how it is spelled in the table.
struct Spelled {
    id: Uuid,
    name: String,
    pinyin: String,
}

/// The names whose spelling is another one: ids, names, spellings.
fn misspelled(rows: &[Spelled]) -> (Vec<Uuid>, Vec<String>, Vec<String>) {
    let (mut ids, mut names, mut spellings) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        let pinyin = spell(&row.name);
        if pinyin != row.pinyin {
            ids.push(row.id);
            names.push(row.name.clone());
            spellings.push(pinyin);
        }
    }
    (ids, names, spellings)
}

/// Corrects one step of the spellings in a table, and says how many rows it looked at. The texts of the queries are joined while
/// compiling, so both tables select the same characters.
macro_rules! spell_step {
    ($store:expr, $after:expr, $table:literal, $name:literal) => {{
        let rows = sqlx::query_as!(
            Spelled,
            "select id, "
                + $name
                + " as name, pinyin from "
                + $table
                + " where id > $1 and (pinyin <> '' or "
                + $name
                + r" ~ '[\u3007\u3400-\u9fff\uf900-\ufaff\U00020000-\U000323af]') order by id limit $2",
            $after,
            STEP
        )
        .fetch_all(&$store.pool())
        .await?;
        let (ids, names, spellings) = misspelled(&rows);
        if !ids.is_empty() {
            // A name that has changed meanwhile was spelled with its change.
            sqlx::query!(
                "update "
                    + $table
                    + " t set pinyin = k.pinyin
                 from unnest($1::uuid[], $2::text[], $3::text[]) as k (id, name, pinyin)
                 where t.id = k.id and t."
                    + $name
                    + " = k.name",
                &ids,
                &names,
                &spellings
            )
            .execute(&$store.pool())
            .await?;
        }
        rows.iter().map(|row| row.id).collect::<Vec<Uuid>>()
    }};
}

impl Store {
    /// Corrects the spellings of the next people after `after`, in the order of their ids. Returns the last one,
    /// unless there are no more. Safe to repeat.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn spell_people(&self, after: Uuid) -> Result<Option<Uuid>, Error> {
        let people = spell_step!(self, after, "users", "name");
        retry_deadlocks(Error::is_deadlock, || self.copy_spellings(&people)).await?;
        Ok(last_of(&people))
    }

    /// Memberships that an older server began have no copy of the spelling.
    async fn copy_spellings(&self, people: &[Uuid]) -> Result<(), Error> {
        sqlx::query!(
            "update members m set pinyin = u.pinyin from users u
             where m.user_id = any($1) and m.active and u.id = m.user_id and m.pinyin <> u.pinyin",
            people
        )
        .execute(&self.pool())
        .await?;
        Ok(())
    }

    /// The same for the titles of rooms.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn spell_rooms(&self, after: Uuid) -> Result<Option<Uuid>, Error> {
        Ok(last_of(&spell_step!(self, after, "rooms", "title")))
    }
}

/// Where the next step begins, unless this was the last one.
fn last_of(looked_at: &[Uuid]) -> Option<Uuid> {
    looked_at.last().copied().filter(|_| looked_at.len() as i64 == STEP)
}

#[cfg(test)]
mod tests {
    use protocol::{DisplayName, Nonce, RoomKind};
    use sqlx::PgPool;

    use super::*;
    use crate::store::{profiles::ProfileChange, testing};

    #[test]
    fn names_are_spelled_as_they_are_typed() {
        for (name, pinyin) in [
            ("王小明", "wangxiaoming wxm"),
            ("吕布", "lvbu lb"),
            ("曾国藩", "cengguofan zengguofan cgf zgf"),
            ("单雄信", "danxiongxin shanxiongxin dxx sxx"),
            ("安娜 Ana Ruiz", "annaanaruiz annuoanaruiz anar"),
            ("小明2", "xiaoming2 xm2"),
            ("王小明 (Wang)", "wangxiaomingwang wxmw"),
            ("田中さん", "tianzhong tz"),
            ("Ana Ruiz", ""),
            ("Анна", ""),
            ("👩‍🚀 さくら 한글", ""),
            ("", ""),
        ] {
            assert_eq!(spell(name), pinyin, "{name}");
        }
    }

    #[test]
    fn common_surnames_have_their_usual_reading() {
        let names = "王wang 李li 张zhang 刘liu 陈chen 杨yang 黄huang 赵zhao 吴wu 周zhou 徐xu 孙sun 马ma 朱zhu 胡hu 郭guo 何he \
                     林lin 高gao 罗luo 郑zheng 梁liang 谢xie 宋song 唐tang 许xu 韩han 邓deng 冯feng 曹cao 彭peng 曾zeng 肖xiao \
                     田tian 董dong 潘pan 袁yuan 蔡cai 蒋jiang 余yu 于yu 杜du 叶ye 程cheng 魏wei 苏su 吕lv 丁ding 任ren 卢lu \
                     姚yao 沈shen 钟zhong 姜jiang 崔cui 谭tan 陆lu 范fan 汪wang 廖liao 石shi 金jin 韦wei 贾jia 夏xia 付fu \
                     方fang 邹zou 熊xiong 白bai 孟meng 秦qin 邱qiu 侯hou 江jiang 尹yin 薛xue 闫yan 段duan 雷lei 龙long 黎li \
                     史shi 陶tao 贺he 毛mao 郝hao 顾gu 龚gong 邵shao 万wan 覃qin 武wu 钱qian 戴dai 严yan 莫mo 孔kong 向xiang \
                     常chang 解xie 仇qiu 区ou 查zha 盖ge 朴piao 乐yue 翟zhai 尉yu 缪miao 单shan 黑he";
        for pair in names.split_whitespace() {
            let mut chars = pair.chars();
            let name = chars.next().unwrap().to_string();
            let known = spell(&name);
            assert!(known.split(' ').any(|spelling| spelling == chars.as_str()), "{pair}: {known}");
        }
    }

    #[test]
    fn spellings_are_short() {
        for name in ["长".repeat(64), "曾乐单重".repeat(20), "a王".repeat(40), "x".repeat(64) + "王"] {
            let pinyin = spell(&name);
            assert!(pinyin.len() <= PINYIN_BYTES_MAX && pinyin.is_ascii() && !pinyin.is_empty(), "{pinyin}");
        }
        for pair in ALSO.split_whitespace() {
            let c = pair.chars().next().unwrap();
            assert_ne!(reading(c).as_deref(), pair.strip_prefix(c), "{pair} says nothing new");
        }
    }

    /// What an older server wrote is spelled later; what changes is spelled at once.
    #[sqlx::test(migrations = "../migrations")]
    async fn names_of_older_servers_are_spelled(pool: PgPool) {
        let store = Store::over(pool.clone());
        let ana = testing::person(&store, "ana", &[1; 32]).await;
        let bea = testing::person(&store, "bea", &[2; 32]).await;
        let nonce = Nonce(Uuid::now_v7());
        let may = |_| Ok::<(), Error>(());
        let title = ("技术部", "");
        let (room, _) = store.create_room(ana, nonce, RoomKind::Channel, title, may).await.unwrap();
        sqlx::query("update users set name = '王小明' where id = $1")
            .bind(bea.0)
            .execute(&pool)
            .await
            .unwrap();
        store.add_members::<Error>(ana, room, (&[bea], 9), |_| Ok(())).await.unwrap();
        sqlx::query("update rooms set pinyin = 'old'").execute(&pool).await.unwrap();
        assert_eq!(store.find_users(ana, "wxm").await.unwrap(), []);

        assert_eq!(store.spell_people(Uuid::nil()).await.unwrap(), None);
        assert_eq!(store.spell_rooms(Uuid::nil()).await.unwrap(), None);
        let found = async |query: &str| {
            let people = store.find_users(ana, query).await.unwrap();
            let (members, _) = store.list_members(room, query, None).await.unwrap();
            let listed = store.list_people(query, None).await.unwrap().people;
            [people.len(), members.len(), listed.len()]
        };
        for (query, count) in [("wxm", 1), ("WangXiao", 1), ("xiaoming", 1), ("%", 0), ("xwm", 0)] {
            assert_eq!(found(query).await, [count; 3], "{query}");
        }
        for (query, count) in [("jsb", 1), ("jishubu", 1), ("old", 0)] {
            assert_eq!(store.find_channels(ana, query).await.unwrap().len(), count, "{query}");
        }

        let change =
            ProfileChange { name: Some(DisplayName::parse("李雷").unwrap()), ..ProfileChange::default() };
        let user = store.change_profile(bea, &change).await.unwrap().unwrap();
        assert_eq!(user.pinyin, "lilei ll");
        assert_eq!((found("wxm").await, found("lilei").await), ([0; 3], [1; 3]));
        let changed = store.set_room::<Error>(ana, room, ("市场", ""), |_| Ok(())).await.unwrap().unwrap();
        assert_eq!(changed.pinyin, "shichang sc");
        assert_eq!(store.find_channels(ana, "sc").await.unwrap().len(), 1);
    }
}
