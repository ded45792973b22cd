//! Steps that functions cost: what takes long is paid for.

use serde_json::json;

use super::run_within;
use crate::resources::Limits;

#[test]
fn whoever_calls_costly_functions_again_and_again_uses_up_the_budget() {
    for source in [
        r#"{{$x := list 1 1}}{{range 40}}{{$x = list $x $x}}{{end}}{{$y := deepCopy $x}}"#,
        r#"{{range (semver "18446744073709551615.0.0").Major}}{{end}}"#,
        r#"{{$s := repeat 1000 "aB "}}{{range 30}}{{$x := snakecase $s}}{{end}}"#,
        r#"{{$s := repeat 4000 "a "}}{{range 30}}{{$x := swapcase $s}}{{end}}"#,
        r#"{{$s := repeat 8000 "x"}}{{range 30}}{{$x := urlParse $s}}{{end}}"#,
        r#"{{range 3000}}{{$x := mulf 1.23456789 1.23456789 1.23456789 1.23456789}}{{end}}"#,
        r#"{{range 100}}{{$x := semverCompare ">=1.2.3 <2 || ^3" "1.2.4"}}{{end}}"#,
        r#"{{range 1000}}{{$x := semver "1.2.4"}}{{end}}"#,
        r#"{{$s := repeat 8000 "a,"}}{{range 30}}{{$x := regexSplit "," $s -1}}{{end}}"#,
        r#"{{$s := repeat 8000 "a,"}}{{range 30}}{{$x := splitn "," 8000 $s}}{{end}}"#,
        r#"{{$s := until 8000}}{{range 30}}{{$x := chunk 1 $s}}{{end}}"#,
        r#"{{range 30}}{{$x := seq 1 8000}}{{end}}"#,
    ] {
        let message = run_within(source, &json!({}), 50_000, Limits::default()).unwrap_err();
        let wanted = "the budget of 50000 steps is used up";
        assert!(message.contains(wanted), "{source}: {message}");
    }
}

#[test]
fn a_number_of_too_many_digits_is_an_error() {
    let product = |count: usize| format!("{{{{mulf{}}}}}", " 1.2345678901234567".repeat(count));
    let run = |count| run_within(&product(count), &json!({}), 1_000_000, Limits::default());
    assert!(run(500).is_ok());
    let message = run(700).unwrap_err();
    assert!(message.contains("more than 32768 bits"), "{message}");
}
