//! The settings of files: where their bytes are, and how many there may be.

use std::path::PathBuf;

use super::{Config, Error, Secret};

/// One megabyte, as the settings count.
const MB: u64 = 1_000_000;

/// Where the bytes of files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A folder.
    Folder(PathBuf),
    /// A bucket of S3, and the prefix of the names in it, which may be empty.
    Bucket {
        /// The bucket.
        name: String,
        /// The prefix, without slashes at its ends.
        prefix: String,
    },
}

/// A bucket, and how to reach it.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// The prefix of the names in it; may be empty.
    pub prefix: String,
    /// The address of S3; empty for Amazon's.
    pub endpoint: String,
    /// Its region.
    pub region: String,
    /// The name of the key, and the key; `None` for those of the machine's role.
    pub keys: Option<(String, Secret)>,
    /// Whether its name is in the path, not in the host name.
    pub path_style: bool,
}

/// The store of the bytes of files.
#[derive(Clone, Debug)]
pub enum FileStore {
    /// A folder, and the path of nginx's internal location for it, if there is one.
    Folder(PathBuf, Option<String>),
    /// A bucket.
    Bucket(Bucket),
}

/// How much space files may take, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct SpaceLimits {
    /// One file.
    pub file: u64,
    /// All of one person's; `None`: no limit.
    pub person: Option<u64>,
    /// All of the workspace's; `None`: no limit.
    pub workspace: Option<u64>,
}

impl Config {
    /// The store of the bytes of files.
    #[must_use]
    pub fn file_store(&self) -> FileStore {
        match &self.files {
            Place::Folder(folder) => {
                let prefix = Some(self.accel_prefix.clone()).filter(|prefix| !prefix.is_empty());
                FileStore::Folder(folder.clone(), prefix)
            }
            Place::Bucket { name, prefix } => FileStore::Bucket(Bucket {
                name: name.clone(),
                prefix: prefix.clone(),
                endpoint: self.s3_endpoint.clone(),
                region: self.s3_region.clone(),
                keys: self.s3_secret_key.0.clone().map(|key| (self.s3_access_key.clone(), key)),
                path_style: self.s3_path_style,
            }),
        }
    }

    /// How much space files may take.
    #[must_use]
    pub fn space_limits(&self) -> SpaceLimits {
        let bytes = |mb: u32| u64::from(mb) * MB;
        let limit = |mb: u32| (mb > 0).then(|| bytes(mb));
        SpaceLimits {
            file: bytes(self.file_mb_max),
            person: limit(self.person_files_mb_max),
            workspace: limit(self.workspace_files_mb_max),
        }
    }
}

/// Checks the settings that depend on each other.
pub(super) fn check(config: &Config) -> Result<(), Error> {
    let has_name = !config.s3_access_key.is_empty();
    if has_name != config.s3_secret_key.0.is_some() {
        let missing = if has_name {
            "ROOST_S3_SECRET_KEY (--s3-secret-key)"
        } else {
            "ROOST_S3_ACCESS_KEY (--s3-access-key)"
        };
        return Err(Error::new(missing, "is missing; expected both the key and its name, or neither"));
    }
    if !config.accel_prefix.is_empty() && matches!(config.files, Place::Bucket { .. }) {
        return Err(Error::new(
            "ROOST_ACCEL_PREFIX (--accel-prefix)",
            "is set, but nginx cannot send the files of a bucket; expected it with a folder in ROOST_FILES",
        ));
    }
    Ok(())
}

pub(super) fn place(text: &str) -> Result<Place, String> {
    let Some(bucket) = text.strip_prefix("s3://") else {
        return match text {
            "" => Err("a folder, or s3:// and a bucket".to_owned()),
            // A typing error would otherwise be a folder of a strange name.
            text if text.contains("://") => Err("only s3:// addresses are known".to_owned()),
            text => Ok(Place::Folder(text.into())),
        };
    };
    let (name, prefix) = bucket.split_once('/').unwrap_or((bucket, ""));
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if name.is_empty() || !name.chars().all(allowed) {
        return Err("s3:// and the name of a bucket".to_owned());
    }
    let prefix = prefix.trim_matches('/');
    if !prefix.chars().all(|c| allowed(c) || c == '/') || prefix.split('/').any(|part| part == "..") {
        return Err("the prefix has letters, digits, dots, dashes, underscores and slashes".to_owned());
    }
    Ok(Place::Bucket { name: name.to_owned(), prefix: prefix.to_owned() })
}

pub(super) fn endpoint(text: &str) -> Result<String, String> {
    let is_address = ["http://", "https://"].iter().any(|scheme| {
        text.strip_prefix(scheme).is_some_and(|host| !host.is_empty() && !host.contains(char::is_whitespace))
    });
    if text.is_empty() || is_address {
        Ok(text.trim_end_matches('/').to_owned())
    } else {
        Err("it begins with https:// or http://".to_owned())
    }
}

pub(super) fn accel_prefix(text: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_' | '.');
    if text.is_empty()
        || (text.len() > 2 && text.starts_with('/') && text.ends_with('/') && text.chars().all(is_plain))
    {
        Ok(text.to_owned())
    } else {
        Err("a path such as /roost-files/".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    fn parse(args: &[&str]) -> Result<Config, Error> {
        let database = "--database-url=postgres://roost:hush@localhost/roost";
        Config::parse_args(["server", database].iter().chain(args).map(OsString::from))
    }

    #[test]
    fn files_are_in_a_folder_or_a_bucket() {
        assert_eq!(place("/srv/files"), Ok(Place::Folder("/srv/files".into())));
        for (text, name, prefix) in
            [("s3://b", "b", ""), ("s3://b/", "b", ""), ("s3://my.bucket/a/b/", "my.bucket", "a/b")]
        {
            assert_eq!(place(text), Ok(Place::Bucket { name: name.into(), prefix: prefix.into() }), "{text}");
        }
        for wrong in ["", "s3://", "s3:///x", "gs://bucket", "s3://a b", "s3://b/../c"] {
            assert!(place(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_fault_names_the_setting() {
        for (args, words) in [
            (&["--files=gs://x"][..], ["ROOST_FILES (--files)", "s3://"]),
            (&["--s3-access-key=me"], ["ROOST_S3_SECRET_KEY", "both"]),
            (&["--s3-secret-key=hush"], ["ROOST_S3_ACCESS_KEY", "both"]),
            (&["--s3-endpoint=minio:9000"], ["ROOST_S3_ENDPOINT (--s3-endpoint)", "https://"]),
            (&["--file-mb-max=0"], ["ROOST_FILE_MB_MAX (--file-mb-max)", "1..="]),
            (&["--accel-prefix=files"], ["ROOST_ACCEL_PREFIX (--accel-prefix)", "/roost-files/"]),
            (&["--accel-prefix=/f/", "--files=s3://b"], ["ROOST_ACCEL_PREFIX", "ROOST_FILES"]),
        ] {
            let fault = parse(args).unwrap_err().to_string();
            assert!(!fault.contains("hush"), "{fault}");
            for word in words {
                assert!(fault.contains(word), "{fault:?} does not say {word:?}");
            }
        }
        let limits = parse(&["--person-files-mb-max=2"]).unwrap().space_limits();
        assert_eq!((limits.file, limits.person, limits.workspace), (1_024_000_000, Some(2_000_000), None));
    }
}
