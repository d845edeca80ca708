//! Implementations for types of the standard library, and for `Uuid`.

use uuid::Uuid;

use crate::{Error, FromJson, Value};

impl FromJson for bool {
    fn from_json(value: Value) -> Result<Self, Error> {
        if let Value::Bool(is) = value { Ok(is) } else { Err(Error("true or false")) }
    }
}

macro_rules! whole_numbers {
    ($($type:ty)*) => {$(
        impl FromJson for $type {
            fn from_json(value: Value) -> Result<Self, Error> {
                let Value::Int(number) = value else { return Err(Error("a whole number")) };
                Self::try_from(number).map_err(|_| Error("a smaller number"))
            }
        }
    )*};
}

whole_numbers!(u8 u16 u32 u64 usize i32 i64);

impl FromJson for String {
    fn from_json(value: Value) -> Result<Self, Error> {
        value.into_string()
    }
}

impl FromJson for Uuid {
    fn from_json(value: Value) -> Result<Self, Error> {
        Self::try_parse(&value.into_string()?).map_err(|_| Error("a UUID"))
    }
}

impl<T: FromJson> FromJson for Option<T> {
    fn from_json(value: Value) -> Result<Self, Error> {
        if value == Value::Null { Ok(None) } else { T::from_json(value).map(Some) }
    }

    fn missing() -> Option<Self> {
        Some(None)
    }
}

impl<T: FromJson> FromJson for Box<T> {
    fn from_json(value: Value) -> Result<Self, Error> {
        T::from_json(value).map(Self::new)
    }

    fn missing() -> Option<Self> {
        T::missing().map(Self::new)
    }
}

impl<T: FromJson> FromJson for Vec<T> {
    fn from_json(value: Value) -> Result<Self, Error> {
        value.into_array()?.into_iter().map(T::from_json).collect()
    }
}

impl<A: FromJson, B: FromJson> FromJson for (A, B) {
    fn from_json(value: Value) -> Result<Self, Error> {
        let [a, b] = value.into_array()?.try_into().map_err(|_| Error("two values"))?;
        Ok((A::from_json(a)?, B::from_json(b)?))
    }
}

impl<A: FromJson, B: FromJson, C: FromJson> FromJson for (A, B, C) {
    fn from_json(value: Value) -> Result<Self, Error> {
        let [a, b, c] = value.into_array()?.try_into().map_err(|_| Error("three values"))?;
        Ok((A::from_json(a)?, B::from_json(b)?, C::from_json(c)?))
    }
}
