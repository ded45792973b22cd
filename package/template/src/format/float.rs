//! Go's forms of `float64`.

/// Sign and magnitude, as `strconv.FormatFloat(number, form, precision, 64)` writes them for the forms `e`, `f`, `g`.
pub(super) fn parts(number: f64, form: char, precision: Option<usize>) -> (bool, String) {
    let is_negative = number.is_sign_negative() && !number.is_nan();
    let number = number.abs();
    let text = match form {
        _ if number.is_nan() => "NaN".to_owned(),
        _ if number.is_infinite() => "Inf".to_owned(),
        'e' => {
            let (mantissa, exponent) = scientific(number, precision);
            with_exponent(&mantissa, exponent)
        }
        'f' => positional(number, precision),
        _ => shorter(number, precision),
    };
    (is_negative, text)
}

fn positional(number: f64, precision: Option<usize>) -> String {
    match precision {
        Some(precision) => format!("{number:.precision$}"),
        None => format!("{number}"),
    }
}

/// Mantissa and exponent.
fn scientific(number: f64, precision: Option<usize>) -> (String, i64) {
    let text = match precision {
        Some(precision) => format!("{number:.precision$e}"),
        None => format!("{number:e}"),
    };
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    (mantissa.to_owned(), exponent.parse().unwrap_or(0))
}

fn with_exponent(mantissa: &str, exponent: i64) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

/// The scientific form where the exponent is small or large, else the positional one; neither with zeros at its end.
fn shorter(number: f64, precision: Option<usize>) -> String {
    let wanted = precision.map(|precision| precision.max(1));
    let (mantissa, exponent) = scientific(number, wanted.map(|wanted| wanted - 1));
    let mantissa = match mantissa.contains('.') {
        true => mantissa.trim_end_matches('0').trim_end_matches('.'),
        false => &mantissa,
    };
    let significant = mantissa.bytes().filter(u8::is_ascii_digit).count() as i64;
    let limit = match wanted {
        None => 6,
        Some(wanted) if wanted as i64 > significant && significant > exponent => significant,
        Some(wanted) => wanted as i64,
    };
    if exponent < -4 || exponent >= limit {
        return with_exponent(mantissa, exponent);
    }
    let fraction = usize::try_from(significant - 1 - exponent).unwrap_or(0);
    positional(number, Some(fraction))
}
