//! Go's forms of `float64`.

/// Digits and decimal exponent of a number: `0.d1d2d3… × 10^exponent`.
struct Decimal {
    digits: Vec<u8>,
    exponent: i32,
}

fn decimal(number: f64, precision: Option<usize>) -> Decimal {
    let text = match precision {
        None => format!("{:e}", number.abs()),
        Some(precision) => format!("{:.precision$e}", number.abs()),
    };
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let digits = mantissa.bytes().filter(u8::is_ascii_digit).collect();
    Decimal {
        digits,
        exponent: exponent.parse::<i32>().unwrap_or(0) + 1,
    }
}

/// `strconv.FormatFloat(number, form, precision, 64)` for the forms `e`, `f`, `g`, without the sign.
fn unsigned(number: f64, form: char, precision: Option<usize>) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return "Inf".to_owned();
    }
    match form {
        'e' => scientific(&decimal(number, precision), precision),
        'f' => match precision {
            Some(precision) => format!("{:.precision$}", number.abs()),
            None => format!("{}", number.abs()),
        },
        _ => shortest_of_both(number, precision),
    }
}

fn scientific(decimal: &Decimal, precision: Option<usize>) -> String {
    let (first, rest) = decimal.digits.split_first().unwrap_or((&b'0', &[]));
    let mut text = String::from(char::from(*first));
    let wanted = precision.unwrap_or(rest.len());
    if wanted > 0 {
        text.push('.');
        text.extend(
            rest.iter()
                .copied()
                .chain(std::iter::repeat(b'0'))
                .take(wanted)
                .map(char::from),
        );
    }
    let zero = decimal.digits.iter().all(|digit| *digit == b'0');
    let exponent = if zero { 0 } else { decimal.exponent - 1 };
    let sign = if exponent < 0 { '-' } else { '+' };
    text.push_str(&format!("e{sign}{:02}", exponent.abs()));
    text
}

fn shortest_of_both(number: f64, precision: Option<usize>) -> String {
    let wanted = precision.map(|precision| precision.max(1));
    let mut found = decimal(number, wanted.map(|wanted| wanted - 1));
    // %g drops trailing zeros.
    while found.digits.len() > 1 && found.digits.last() == Some(&b'0') {
        found.digits.pop();
    }
    let significant = found.digits.len();
    let exponent = found.exponent - 1;
    let point = usize::try_from(found.exponent.max(0)).unwrap_or(0);
    let mut limit = wanted.unwrap_or(6);
    if wanted.is_some_and(|wanted| wanted > significant) && significant >= point {
        limit = significant;
    }
    if exponent < -4 || i64::from(exponent) >= limit as i64 {
        return scientific(&found, Some(significant - 1));
    }
    let fraction = significant.saturating_sub(point);
    let fraction = if found.exponent <= 0 {
        significant + usize::try_from(-found.exponent).unwrap_or(0)
    } else {
        fraction
    };
    positional(&found, point, fraction)
}

fn positional(decimal: &Decimal, point: usize, fraction: usize) -> String {
    let mut text = String::new();
    let digit = |at: usize| decimal.digits.get(at).copied().map_or('0', char::from);
    if point == 0 {
        text.push('0');
    }
    (0..point).for_each(|at| text.push(digit(at)));
    if fraction > 0 {
        text.push('.');
        let leading = usize::try_from(-decimal.exponent)
            .unwrap_or(0)
            .min(fraction);
        text.push_str(&"0".repeat(leading));
        (point..point + fraction - leading).for_each(|at| text.push(digit(at)));
    }
    text
}

/// Sign and magnitude, in the form of one of the verbs `e`, `f`, `g`.
pub(super) fn parts(number: f64, form: char, precision: Option<usize>) -> (bool, String) {
    (
        number.is_sign_negative() && !number.is_nan(),
        unsigned(number, form, precision),
    )
}
