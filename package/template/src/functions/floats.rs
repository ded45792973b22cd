//! Arithmetic on floats: on their decimal digits where the original does, else as the processor does it.

use num_bigint::{BigInt, Sign};

use super::numbers::to_float;
use super::signature::{ANY, Function, Kind, Outcome, fixed, int, variadic};
use crate::limit;
use crate::resources::Resources;
use crate::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    fixed("add1f", ANY, |resources, args| {
        let one = Value::Int(1);
        fold(resources, &args[0], &[one], Decimal::plus)
    }),
    variadic("addf", &[], Kind::Any, |resources, args| {
        fold(resources, &Value::Int(0), args, Decimal::plus)
    }),
    variadic("subf", ANY, Kind::Any, |resources, args| {
        fold(resources, &args[0], &args[1..], Decimal::minus)
    }),
    variadic("mulf", ANY, Kind::Any, |resources, args| {
        fold(resources, &args[0], &args[1..], Decimal::times)
    }),
    variadic("divf", ANY, Kind::Any, |resources, args| {
        fold(resources, &args[0], &args[1..], Decimal::over)
    }),
    variadic("maxf", ANY, Kind::Any, |_, args| Ok(chosen(args, larger))),
    variadic("minf", ANY, Kind::Any, |_, args| Ok(chosen(args, smaller))),
    variadic("round", &[Kind::Any, Kind::Int], Kind::Float, |_, args| {
        let on = match args.get(2) {
            Some(Value::Float(on)) => *on,
            _ => 0.5,
        };
        Ok(Value::Float(round(to_float(&args[0]), int(&args[1]), on)))
    }),
];

/// A number by its decimal digits: `digits` times ten to the power of `exponent`.
struct Decimal {
    digits: BigInt,
    exponent: i64,
}

/// Digits after the point that a quotient is rounded to.
const QUOTIENT_PLACES: i64 = 16;

fn ten_to(power: i64) -> BigInt {
    // The exponents of floats are small, and so are those that arise of them.
    BigInt::from(10).pow(u32::try_from(power).unwrap_or(0))
}

impl Decimal {
    /// The shortest digits that are read as this float.
    fn of(value: f64) -> Result<Self, String> {
        if !value.is_finite() {
            return Err("a number that is infinite or none has no decimal digits".to_owned());
        }
        let text = format!("{value:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits: i64 = format!("{whole}{fraction}").parse().unwrap_or_default();
        let exponent: i64 = exponent.parse().unwrap_or_default();
        Ok(Self {
            digits: BigInt::from(digits),
            exponent: exponent - fraction.len() as i64,
        })
    }

    /// The digits of both, with the same exponent.
    fn aligned(self, other: Self) -> (BigInt, BigInt, i64) {
        let exponent = self.exponent.min(other.exponent);
        let scaled = |one: Self| one.digits * ten_to(one.exponent - exponent);
        (scaled(self), scaled(other), exponent)
    }

    fn plus(self, other: Self) -> Result<Self, String> {
        let (one, other, exponent) = self.aligned(other);
        let digits = one + other;
        Ok(Self { digits, exponent })
    }

    fn minus(self, other: Self) -> Result<Self, String> {
        let (one, other, exponent) = self.aligned(other);
        let digits = one - other;
        Ok(Self { digits, exponent })
    }

    fn times(self, other: Self) -> Result<Self, String> {
        Ok(Self {
            digits: self.digits * other.digits,
            exponent: self.exponent + other.exponent,
        })
    }

    /// The quotient, its last digit rounded away from zero where it is halfway.
    fn over(self, other: Self) -> Result<Self, String> {
        if other.digits.sign() == Sign::NoSign {
            return Err("decimal division by 0".to_owned());
        }
        let shift = self.exponent - other.exponent + QUOTIENT_PLACES;
        let dividend = self.digits * ten_to(shift);
        let divisor = other.digits * ten_to(-shift);
        let (mut quotient, rest) = (&dividend / &divisor, &dividend % &divisor);
        if rest.magnitude() * 2u8 >= *divisor.magnitude() {
            quotient += match dividend.sign() == divisor.sign() {
                true => 1,
                false => -1,
            };
        }
        Ok(Self {
            digits: quotient,
            exponent: -QUOTIENT_PLACES,
        })
    }

    /// Bits of the digits.
    fn bits(&self) -> u64 {
        self.digits.bits()
    }

    /// The nearest float.
    fn nearest(&self) -> f64 {
        let text = format!("{}e{}", self.digits, self.exponent);
        text.parse().unwrap_or(f64::NAN)
    }
}

fn fold(
    resources: &mut Resources<'_>,
    first: &Value,
    rest: &[Value],
    operation: fn(Decimal, Decimal) -> Result<Decimal, String>,
) -> Outcome {
    let mut result = Decimal::of(to_float(first))?;
    for value in rest {
        // Each operation handles some hundreds of digits besides those there are.
        resources.charge(8 + result.bits() / 64)?;
        result = operation(result, Decimal::of(to_float(value))?)?;
        if result.bits() > limit::DECIMAL_BITS {
            return Err(format!(
                "a number of more than {} bits",
                limit::DECIMAL_BITS
            ));
        }
    }
    Ok(Value::Float(result.nearest()))
}

fn chosen(args: &[Value], choice: fn(f64, f64) -> f64) -> Value {
    let numbers = args.iter().map(to_float);
    Value::Float(numbers.reduce(choice).unwrap_or_default())
}

/// `math.Max`: not a number if one is none, and zero is larger than minus zero.
fn larger(one: f64, other: f64) -> f64 {
    match one.is_nan() || other.is_nan() {
        true => extreme_or_nan(one, other, f64::INFINITY),
        false if one == other && one.is_sign_negative() => other,
        false => one.max(other),
    }
}

/// `math.Min`.
fn smaller(one: f64, other: f64) -> f64 {
    match one.is_nan() || other.is_nan() {
        true => extreme_or_nan(one, other, f64::NEG_INFINITY),
        false if one == other && one.is_sign_positive() => other,
        false => one.min(other),
    }
}

fn extreme_or_nan(one: f64, other: f64, extreme: f64) -> f64 {
    match one == extreme || other == extreme {
        true => extreme,
        false => f64::NAN,
    }
}

/// Rounded to so many places, up where the rest is at least `on`; below zero always down.
fn round(value: f64, places: i64, on: f64) -> f64 {
    let power = power_of_ten(places);
    let shifted = power * value;
    let up = shifted.is_finite() && shifted.fract() >= on;
    let rounded = if up { shifted.ceil() } else { shifted.floor() };
    rounded / power
}

/// Ten to a power as Go's `math.Pow` computes it, which is not always the nearest float.
fn power_of_ten(power: i64) -> f64 {
    let wanted = power.unsigned_abs();
    if wanted > 400 {
        return if power > 0 { f64::INFINITY } else { 0.0 };
    }
    // Squares of ten as a fraction of at least a half, and a power of two.
    let (mut square, mut square_exponent) = (0.625_f64, 4_i32);
    let (mut fraction, mut exponent) = (1.0_f64, 0_i32);
    let mut left = wanted;
    while left > 0 {
        if left & 1 == 1 {
            fraction *= square;
            exponent += square_exponent;
        }
        square *= square;
        square_exponent *= 2;
        if square < 0.5 {
            square += square;
            square_exponent -= 1;
        }
        left >>= 1;
    }
    if power < 0 {
        fraction = 1.0 / fraction;
        exponent = -exponent;
    }
    // In two steps, since one factor alone may be out of range.
    let half = exponent / 2;
    fraction * 2.0_f64.powi(half) * 2.0_f64.powi(exponent - half)
}
