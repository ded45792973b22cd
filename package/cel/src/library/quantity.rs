//! Quantities, as Kubernetes writes amounts of memory and processors: `1.5Gi`, `200m`, `3e6`.

use std::cmp::Ordering;

use cel::common::types::{CelBool, CelDouble, CelInt, CelString};
use cel::{DeclarationError, Env, ExecutionError};

use super::value::failed;

const NANO: i128 = 1_000_000_000;
/// The most decimal digits that Kubernetes keeps in a 64-bit number.
const FAST_DIGITS: i64 = 18;
/// Binary amounts end here.
const BINARY_MAX: i128 = i64::MAX as i128;

/// A number of billionths. Beyond 38 digits before the point all numbers of one sign are the same.
#[derive(Debug, Clone)]
struct Quantity {
    /// Rounded down.
    whole: i128,
    /// What is added to that.
    nanos: i128,
    /// Whether Kubernetes keeps it as a 64-bit number and a power of ten: only such a one is ever an integer there.
    fast: bool,
}

super::value::value!(Quantity, QUANTITY, "kubernetes.Quantity");

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.order(other) == Ordering::Equal
    }
}

pub(super) fn extension(env: &mut Env) -> Result<(), DeclarationError> {
    env.add_type(QUANTITY.to_owned())?;
    cel::add_overload!(env, fn quantity: (CelString<'_>) -> Result<Quantity>)?;
    cel::add_overload!(env, fn is_quantity: (CelString<'_>) -> CelBool)?;
    cel::add_member_overload!(env, fn sign: (Quantity) -> CelInt)?;
    cel::add_member_overload!(env, fn is_integer: (Quantity) -> CelBool)?;
    cel::add_member_overload!(env, fn as_integer: (Quantity) -> Result<CelInt>)?;
    cel::add_member_overload!(env, fn as_approximate_float: (Quantity) -> CelDouble)?;
    cel::add_member_overload!(env, fn is_greater_than: (Quantity, Quantity) -> CelBool)?;
    cel::add_member_overload!(env, fn is_less_than: (Quantity, Quantity) -> CelBool)?;
    cel::add_member_overload!(env, fn compare_to: (Quantity, Quantity) -> CelInt)?;
    cel::add_member_overload!(env, fn add: (Quantity, Quantity) -> Quantity)?;
    cel::add_member_overload!(env, fn add_int: (Quantity, CelInt) -> Quantity, name = "add")?;
    cel::add_member_overload!(env, fn sub: (Quantity, Quantity) -> Quantity)?;
    cel::add_member_overload!(env, fn sub_int: (Quantity, CelInt) -> Quantity, name = "sub")
}

/// What stands after the digits.
enum Suffix {
    /// A power of ten.
    Decimal(i64),
    /// A power of two.
    Binary(u32),
}

impl Suffix {
    fn parse(text: &str) -> Option<Suffix> {
        let decimal = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
        if let Some(at) = decimal.iter().position(|known| *known == text) {
            return Some(Suffix::Decimal(at as i64 * 3 - 9));
        }
        let binary = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
        if let Some(at) = binary.iter().position(|known| *known == text) {
            return Some(Suffix::Binary(at as u32 * 10 + 10));
        }
        let exponent = text.strip_prefix(['e', 'E'])?;
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        // More than fits is as good as the most.
        let size: i64 = digits.parse().map_or(i64::from(i32::MAX), |size: i64| {
            size.min(i64::from(i32::MAX))
        });
        let is_negative = exponent.starts_with('-');
        Some(Suffix::Decimal(if is_negative { -size } else { size }))
    }
}

impl Quantity {
    fn parse(text: &str) -> Option<Quantity> {
        let is_negative = text.starts_with('-');
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let is_number = |byte: u8| byte.is_ascii_digit() || byte == b'.';
        let end = unsigned.bytes().position(|byte| !is_number(byte));
        let (number, suffix) = unsigned.split_at(end.unwrap_or(unsigned.len()));
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.len() + fraction.len() == 0 || fraction.contains('.') {
            return None;
        }
        let suffix = Suffix::parse(suffix)?;
        let whole = whole.trim_start_matches('0');
        let fast = is_fast(whole, fraction, &suffix);
        let digits = format!("{whole}{fraction}");
        let scale = -(fraction.len() as i64);
        let (mut whole, mut nanos) = match suffix {
            Suffix::Decimal(exponent) => scaled(&digits, scale + exponent, 1),
            Suffix::Binary(exponent) => scaled(&digits, scale, 1_i128 << exponent),
        };
        if matches!(suffix, Suffix::Binary(_)) && whole >= BINARY_MAX {
            (whole, nanos) = (BINARY_MAX, 0);
        }
        let magnitude = Quantity { whole, nanos, fast };
        Some(if is_negative {
            magnitude.negated()
        } else {
            magnitude
        })
    }

    fn of(whole: i64) -> Quantity {
        Quantity {
            whole: whole.into(),
            nanos: 0,
            fast: true,
        }
    }

    fn negated(&self) -> Quantity {
        let (whole, nanos) = match self.nanos {
            0 => (self.whole.saturating_neg(), 0),
            nanos => (self.whole.saturating_neg().saturating_sub(1), NANO - nanos),
        };
        Quantity {
            whole,
            nanos,
            fast: self.fast,
        }
    }

    fn plus(&self, other: &Quantity) -> Quantity {
        let nanos = self.nanos + other.nanos;
        let whole = self.whole.saturating_add(other.whole);
        let sum = Quantity {
            whole: whole.saturating_add(nanos / NANO),
            nanos: nanos % NANO,
            fast: false,
        };
        let fits = i64::try_from(sum.whole).is_ok();
        Quantity {
            fast: self.fast && other.fast && fits,
            ..sum
        }
    }

    fn order(&self, other: &Quantity) -> Ordering {
        (self.whole, self.nanos).cmp(&(other.whole, other.nanos))
    }

    fn integer(&self) -> Option<i64> {
        let whole = i64::try_from(self.whole).ok()?;
        (self.fast && self.nanos == 0).then_some(whole)
    }
}

/// Whether Kubernetes reads it without arithmetic of any size. Its rule counts digits.
fn is_fast(whole: &str, fraction: &str, suffix: &Suffix) -> bool {
    let (integer, fraction_digits) = (whole.len().max(1) as i64, fraction.len() as i64);
    match suffix {
        Suffix::Decimal(exponent) => {
            FAST_DIGITS - integer - fraction_digits >= 0 && exponent - fraction_digits >= -9
        }
        Suffix::Binary(exponent) => {
            let tens = i64::from(exponent * 3 / 10);
            fraction_digits == 0 && 14 - integer - tens >= 0
        }
    }
}

/// `digits` × 10^`scale` × `factor`, as whole number and billionths, rounded up. All digits beyond the 18th after the
/// point count as one billionth at most.
fn scaled(digits: &str, scale: i64, factor: i128) -> (i128, i128) {
    let digits = digits.trim_start_matches('0');
    let most = (i128::MAX, 0);
    if digits.is_empty() {
        return (0, 0);
    }
    // Where the point is, counted in digits from the left.
    let point = digits.len() as i64 + scale;
    if point > 38 {
        return most;
    }
    let mut whole =
        (0..point).map(|at| digits.as_bytes().get(at as usize).copied().unwrap_or(b'0'));
    let whole = whole.try_fold(0_i128, |sum, digit| {
        sum.checked_mul(10)?.checked_add(i128::from(digit - b'0'))
    });
    // Nine digits after the point for billionths, and as many as a factor of 2^60 may raise to them.
    let after = |count: i64| {
        (point..point + count).fold(0_i128, |sum, at| {
            let digit = usize::try_from(at)
                .ok()
                .and_then(|at| digits.as_bytes().get(at));
            sum * 10 + i128::from(digit.copied().unwrap_or(b'0') - b'0')
        })
    };
    const PLACES: i64 = 18;
    let part = after(PLACES);
    let seen = usize::try_from(point + PLACES).unwrap_or(0);
    let rest = digits.as_bytes().get(seen..).unwrap_or_default();
    let is_more = rest.iter().any(|digit| *digit != b'0');
    let unit = 10_i128.pow(PLACES as u32);
    let scaled = part * factor;
    let nano = unit / NANO;
    let (carried, left) = (scaled / unit, scaled % unit);
    let is_rounded = is_more || left % nano != 0;
    let nanos = left / nano + i128::from(is_rounded);
    let whole = whole.and_then(|whole| {
        let whole = whole.checked_mul(factor)?;
        whole.checked_add(carried + nanos / NANO)
    });
    whole.map_or(most, |whole| (whole, nanos % NANO))
}

fn quantity(text: &CelString<'_>) -> Result<Quantity, ExecutionError> {
    Quantity::parse(text.inner()).ok_or_else(|| failed("quantity"))
}

fn is_quantity(text: &CelString<'_>) -> CelBool {
    Quantity::parse(text.inner()).is_some().into()
}

fn sign(quantity: &Quantity) -> CelInt {
    (quantity.order(&Quantity::of(0)) as i64).into()
}

fn is_integer(quantity: &Quantity) -> CelBool {
    quantity.integer().is_some().into()
}

fn as_integer(quantity: &Quantity) -> Result<CelInt, ExecutionError> {
    let integer = quantity.integer().ok_or_else(|| failed("asInteger"))?;
    Ok(integer.into())
}

fn as_approximate_float(quantity: &Quantity) -> CelDouble {
    let nanos = quantity.whole.checked_mul(NANO);
    let exact = nanos.map(|nanos| (nanos + quantity.nanos) as f64 / NANO as f64);
    exact.unwrap_or(quantity.whole as f64).into()
}

fn is_greater_than(quantity: &Quantity, other: &Quantity) -> CelBool {
    (quantity.order(other) == Ordering::Greater).into()
}

fn is_less_than(quantity: &Quantity, other: &Quantity) -> CelBool {
    (quantity.order(other) == Ordering::Less).into()
}

fn compare_to(quantity: &Quantity, other: &Quantity) -> CelInt {
    (quantity.order(other) as i64).into()
}

fn add(quantity: &Quantity, other: &Quantity) -> Quantity {
    quantity.plus(other)
}

fn add_int(quantity: &Quantity, number: &CelInt) -> Quantity {
    quantity.plus(&Quantity::of(*number.inner()))
}

fn sub(quantity: &Quantity, other: &Quantity) -> Quantity {
    quantity.plus(&other.negated())
}

fn sub_int(quantity: &Quantity, number: &CelInt) -> Quantity {
    quantity.plus(&Quantity::of(*number.inner()).negated())
}
