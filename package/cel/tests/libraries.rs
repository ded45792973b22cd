//! Kubernetes' libraries, against the answers that its documentation and its own tests give.

use serde_json::json;
use stevedore_cel::{Error, Program};

fn eval(source: &str) -> Result<bool, Error> {
    let object = json!({
        "empty": [], "ints": [3, 1, 2], "halves": [0.5, 1.5], "mixed": [1, "a"], "maps": [{"a": 1}, {"b": 2}],
        "text": "abc 123",
    });
    Program::compile(source)?.eval_bool(&[("self", &object)])
}

fn all_hold(sources: &[&str]) {
    for source in sources {
        assert_eq!(eval(source), Ok(true), "{source}");
    }
}

fn all_fail(sources: &[&str]) {
    for source in sources {
        let result = eval(&format!("{source} == 0 || true"));
        // `||` forgives a side that fails, so it is asked for alone.
        assert_eq!(result, Ok(true), "{source} compiles");
        let alone = eval(&format!("[{source}].size() == 1"));
        assert!(
            matches!(alone, Err(Error::Evaluation(_))),
            "{source}: {alone:?}"
        );
    }
}

#[test]
fn urls_are_taken_apart() {
    all_hold(&[
        "isURL('https://user:pass@example.com:80/path?query=val#fragment')",
        "isURL('/absolute-path')",
        "!isURL('https://a:b:c/')",
        "!isURL('../relative-path')",
        "!isURL('')",
        "!isURL('https://exa mple.com/')",
        "!isURL('https://example.com/%zz')",
        "isURL('mailto:lamp@example.com')",
        "url('/path').getScheme() == ''",
        "url('HTTPS://example.com/').getScheme() == 'https'",
        "url('https://example.com:80/').getHost() == 'example.com:80'",
        "url('https://example.com/').getHost() == 'example.com'",
        "url('https://[::1]:80/').getHost() == '[::1]:80'",
        "url('https://[::1]/').getHost() == '[::1]'",
        "url('/path').getHost() == ''",
        "url('https://example.com:80/').getHostname() == 'example.com'",
        "url('https://127.0.0.1:80/').getHostname() == '127.0.0.1'",
        "url('https://[::1]:80/').getHostname() == '::1'",
        "url('/path').getHostname() == ''",
        "url('https://example.com:80/').getPort() == '80'",
        "url('https://example.com/').getPort() == ''",
        "url('https://[::1]/').getPort() == ''",
        "url('https://example.com/path').getEscapedPath() == '/path'",
        "url('https://example.com/path with spaces/').getEscapedPath() == '/path%20with%20spaces/'",
        "url('https://example.com').getEscapedPath() == ''",
        "url('https://example.com/a%2Fb').getEscapedPath() == '/a%2Fb'",
        "url('https://example.com/path?k1=a&k2=b&k2=c').getQuery() == {'k1': ['a'], 'k2': ['b', 'c']}",
        "url('https://example.com/path?key with spaces=value with spaces').getQuery() == \
         {'key with spaces': ['value with spaces']}",
        "url('https://example.com/path?').getQuery() == {}",
        "url('https://example.com/path').getQuery() == {}",
        "url('https://example.com/?a=1+2%21#b=3').getQuery() == {'a': ['1 2!']}",
        "url('/a') == url('/a') && url('/a') != url('/b') && type(url('/a')) == kubernetes.URL",
    ]);
    all_fail(&[
        "url('https://a:b:c/')",
        "url('../relative-path')",
        "url('https://[::1/')",
    ]);
}

#[test]
fn regular_expressions_find_what_they_match() {
    all_hold(&[
        "self.text.find('[0-9]+') == '123'",
        "'abc 123'.find('xyz') == ''",
        "'123 abc 456'.findAll('[0-9]+') == ['123', '456']",
        "'123 abc 456'.findAll('[0-9]+', 1) == ['123']",
        "'123 abc 456'.findAll('[0-9]+', 0) == []",
        "'123 abc 456'.findAll('[0-9]+', -1) == ['123', '456']",
        "'123 abc 456'.findAll('xyz') == []",
        "'baaau'.findAll('a*') == ['', 'aaa', '']",
    ]);
    for source in [
        "'a'.find(self.text)",
        "'a'.find('(')",
        "'a'.findAll('(', 1)",
        "'a'.find()",
    ] {
        assert!(matches!(eval(source), Err(Error::Regex(_))), "{source}");
    }
}

#[test]
fn lists_have_an_order_a_sum_and_positions() {
    all_hold(&[
        "[1, 2, 3].isSorted() && ['a', 'b', 'b', 'c'].isSorted() && ![2.0, 1.0].isSorted()",
        "[1].isSorted() && [].isSorted() && !self.ints.isSorted()",
        "[1, 3].sum() == 4 && [1.0, 3.0].sum() == 4.0 && self.ints.sum() == 6 && self.halves.sum() == 2.0",
        "[duration('1m'), duration('1s')].sum() == duration('1m1s')",
        "self.empty.sum() == 0 && [].sum() == 0",
        "[1, 3].min() == 1 && [1, 3].max() == 3 && [1].min() == 1 && ([0] + self.empty).min() == 0",
        "['b', 'a'].min() == 'a' && [true, false].max() == true",
        "[1, 2, 2, 3].indexOf(2) == 1 && ['a', 'b', 'b', 'c'].lastIndexOf('b') == 2",
        "[1.0].indexOf(1.1) == -1 && [].indexOf('string') == -1 && self.maps.indexOf({'b': 2}) == 1",
        "'tacocat'.indexOf('a') == 1 && 'tacocat'.lastIndexOf('a') == 5",
        "sets.contains([1, 2, 3], [3, 1]) && !sets.contains([1], [1, 2]) && sets.contains([], [])",
        "sets.equivalent([1, 1, 2], [2, 1]) && !sets.equivalent([1], [2])",
        "sets.intersects([1, 2], [2, 3]) && !sets.intersects([1], []) && 'contains'.contains('ain')",
    ]);
    all_fail(&[
        "[].min()",
        "self.empty.max()",
        "self.maps.min()",
        "self.mixed.sum()",
        "['a'].sum()",
        "self.mixed.isSorted()",
    ]);
}

#[test]
fn quantities_compare_and_add_up() {
    all_hold(&[
        "isQuantity('1.3G') && isQuantity('1.3Gi') && isQuantity('10000k') && isQuantity('20') && isQuantity('-1.5e3')",
        "!isQuantity('1,3G') && !isQuantity('200K') && !isQuantity('Three') && !isQuantity('Mi')",
        "!isQuantity('20Mo') && !isQuantity('10Mm') && !isQuantity('') && !isQuantity('.') && !isQuantity('1e')",
        "quantity('50000000G').isInteger() && quantity('50k').isInteger() && quantity('50').isInteger()",
        "quantity('50.703G').isInteger() && !quantity('50.5').isInteger() && !quantity('1.5Gi').isInteger()",
        "!quantity('9999999999999999999999999999999999999G').isInteger()",
        "quantity('50k').asInteger() == 50000 && quantity('-2Ki').asInteger() == -2048",
        "quantity('50k').sub(20000).asApproximateFloat() == 30000.0",
        "quantity('50.703k').asApproximateFloat() == 50703.0 && quantity('100m').asApproximateFloat() == 0.1",
        "quantity('50k').add(quantity('20')) == quantity('50.02k') && quantity('50k').add(20) == quantity('50020')",
        "quantity('50k').sub(quantity('20')) == quantity('49.98k') && quantity('50k').sub(20) == quantity('49980')",
        "quantity('50k').add(20).sub(quantity('100k')).asInteger() == -49980",
        "quantity('50k').add(20).sub(quantity('100k')).sub(-50000).asInteger() == 20",
        "quantity('0.5').sub(quantity('0.7')) == quantity('-200m') && quantity('-0.5').add(1) == quantity('500m')",
        "quantity('1k').sign() == 1 && quantity('-1').sign() == -1 && quantity('0').sign() == 0",
        "quantity('-0.1').sign() == -1 && quantity('1n').sign() == 1 && quantity('0.1n') == quantity('1n')",
        "quantity('200M').compareTo(quantity('0.2G')) == 0 && quantity('50M').compareTo(quantity('50Mi')) == -1",
        "quantity('50Mi').compareTo(quantity('50M')) == 1 && quantity('150Mi').isGreaterThan(quantity('100Mi'))",
        "!quantity('50Mi').isGreaterThan(quantity('100Mi')) && quantity('50M').isLessThan(quantity('100M'))",
        "!quantity('100M').isLessThan(quantity('50M')) && quantity('-2').isLessThan(quantity('-1.5'))",
        "quantity('2M') == quantity('0.002G') && quantity('200M') != quantity('0.3G') && quantity('1E') == quantity('1e18')",
        "quantity('1.5Gi') == quantity('1536Mi') && quantity('0.5Ki') == quantity('512')",
        "[quantity('9999999999999999999999999999999999999')].all(x, x.add(quantity('1')).compareTo(x.add(quantity('2'))) == -1)",
        "type(quantity('1')) == kubernetes.Quantity",
    ]);
    all_fail(&[
        "quantity('10Mo')",
        "quantity('10Mm')",
        "quantity('9999999999999999999999999999999999999G').asInteger()",
        "quantity('1.5').asInteger()",
        "isQuantity([1, 2, 3])",
    ]);
}

#[test]
fn addresses_and_networks_are_told_apart() {
    all_hold(&[
        "isIP('127.0.0.1') && isIP('::1') && !isIP('127.0.0.256') && !isIP(':::1') && !isIP('192.168.0.1.0')",
        "!isIP('::ffff:1.2.3.4') && !isIP('fe80::1%eth0') && !isIP('127.0.0.01') && !isIP('2001:db8:::68')",
        "ip.isCanonical('127.0.0.1') && ip.isCanonical('2001:db8::abcd')",
        "!ip.isCanonical('2001:DB8::ABCD') && !ip.isCanonical('2001:db8::0:0:0:abcd')",
        "ip('127.0.0.1').family() == 4 && ip('::1').family() == 6",
        "ip('0.0.0.0').isUnspecified() && !ip('127.0.0.1').isUnspecified() && ip('::').isUnspecified()",
        "ip('127.0.0.1').isLoopback() && !ip('192.168.0.1').isLoopback() && ip('::1').isLoopback()",
        "ip('224.0.0.1').isLinkLocalMulticast() && !ip('224.0.1.1').isLinkLocalMulticast()",
        "ip('ff02::1').isLinkLocalMulticast() && !ip('fd00::1').isLinkLocalMulticast()",
        "ip('169.254.169.254').isLinkLocalUnicast() && !ip('192.168.0.1').isLinkLocalUnicast()",
        "ip('fe80::1').isLinkLocalUnicast() && !ip('fd80::1').isLinkLocalUnicast()",
        "ip('192.168.0.1').isGlobalUnicast() && !ip('255.255.255.255').isGlobalUnicast()",
        "ip('2001:db8::abcd').isGlobalUnicast() && !ip('ff00::1').isGlobalUnicast()",
        "string(ip('192.168.0.1')) == '192.168.0.1' && type(ip('192.168.0.1')) == net.IP",
        "ip('2001:DB8::1') == ip('2001:db8:0::1') && ip('::1') != ip('127.0.0.1')",
        "isCIDR('192.168.0.0/16') && isCIDR('::1/128') && !isCIDR('192.168.0.0/33') && !isCIDR('::1/129')",
        "!isCIDR('192.168.0.0/') && !isCIDR('192.168.0.0') && !isCIDR('192.168.0.0/08') && !isCIDR('192.168.0.0/+8')",
        "cidr('192.168.0.0/24').containsIP(ip('192.168.0.1')) && !cidr('192.168.0.0/24').containsIP(ip('192.168.1.1'))",
        "cidr('192.168.0.0/24').containsIP('192.168.0.1') && !cidr('::/0').containsIP('192.168.0.1')",
        "cidr('0.0.0.0/0').containsIP('192.168.0.1') && cidr('2001:db8::/32').containsIP('2001:db8::1')",
        "cidr('192.168.0.0/16').containsCIDR(cidr('192.168.10.0/24')) && \
         !cidr('192.168.1.0/24').containsCIDR(cidr('192.168.2.0/24'))",
        "cidr('192.168.0.0/24').containsCIDR(cidr('192.168.0.1/32')) && \
         !cidr('192.168.0.0/24').containsCIDR('192.168.0.0/23')",
        "cidr('2001:db8::/32').containsCIDR('2001:db8::/33') && !cidr('2001:db8::/32').containsCIDR('2001:db8::/31')",
        "cidr('192.168.0.1/24').ip() == ip('192.168.0.1') && cidr('::1/128').ip().family() == 6",
        "cidr('192.168.0.1/24').masked() == cidr('192.168.0.0/24') && cidr('192.168.0.1/24') != cidr('192.168.0.0/24')",
        "cidr('2001:db8:1::/32').masked() == cidr('2001:db8::/32') && cidr('::1/128').prefixLength() == 128",
        "cidr('192.168.0.0/16').prefixLength() == 16 && string(cidr('192.168.0.0/24')) == '192.168.0.0/24'",
        "type(cidr('192.168.0.0/24')) == net.CIDR",
    ]);
    all_fail(&[
        "ip('192.168.0.1.0')",
        "ip.isCanonical('127.0.0.1.0')",
        "cidr('192.168.0.0/')",
        "cidr('10.0.0.0/8').containsIP('x')",
        "cidr('10.0.0.0/8').containsCIDR('x')",
        "isIP(cidr('192.168.0.0/24'))",
    ]);
}

#[test]
fn named_formats_say_what_is_wrong_with_a_text() {
    all_hold(&[
        "!format.dns1123Label().validate('my-label-name').hasValue()",
        "!format.dns1123Subdomain().validate('example.com').hasValue()",
        "!format.dns1035Label().validate('my-label-name').hasValue()",
        "!format.qualifiedName().validate('my.name').hasValue() && \
         !format.qualifiedName().validate('example.com/my_Name').hasValue()",
        "format.dns1123Label().validate('contains a space').value()[0].startsWith('a lowercase RFC 1123 label must')",
        "format.dns1035Label().validate('1abc').value()[0].startsWith('a DNS-1035 label must consist of')",
        "format.dns1123Subdomain().validate('a..b').value()[0].endsWith(\"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')\")",
        "format.qualifiedName().validate('contains a space').value()[0].startsWith('name part must consist of')",
        "format.qualifiedName().validate('/a').value() == ['prefix part must be non-empty']",
        "!format.dns1123LabelPrefix().validate('my-prefix-').hasValue() && format.dns1123Label().validate('my-prefix-').hasValue()",
        "format.dns1035LabelPrefix().validate('contains a space-').hasValue()",
        "!format.labelValue().validate('my-cool-label-Value').hasValue() && !format.labelValue().validate('').hasValue()",
        "format.labelValue().validate('my-cool-label-Value!!\\n\\n!!!').value().size() == 1",
        "format.labelValue().validate('a234567890123456789012345678901234567890123456789012345678901234!').value().size() == 2",
        "!format.byte().validate('aGVsbG8=').hasValue() && format.byte().validate('aGVsbG8').value() == ['invalid base64']",
        "!format.date().validate('2020-02-29').hasValue() && format.date().validate('2020-01-32').value() == ['invalid date']",
        "!format.datetime().validate('2020-01-01T00:00:00Z').hasValue()",
        "!format.datetime().validate('2020-01-01t23:59:59.25+01:00').hasValue()",
        "format.datetime().validate('2020-01-32T00:00:00Z').value() == ['invalid datetime']",
        "format.datetime().validate('2020-01-01T24:00:00Z').hasValue()",
        "!format.uuid().validate('123e4567-e89b-12d3-a456-426614174000').hasValue() && format.uuid().validate('1-2').hasValue()",
        "!format.uri().validate('https://example.com').hasValue() && format.uri().validate('example').hasValue()",
        "!format.named('unknown').hasValue() && format.named('uuid').value() == format.uuid()",
        "format.uuid() != format.byte()",
    ]);
}

#[test]
fn texts_are_formatted_and_quoted() {
    all_hold(&[
        "'%s is %d of %.1f'.format(['a', 1, 2.5]) == 'a is 1 of 2.5'",
        "strings.quote('a \"b\"') == '\"a \\\\\"b\\\\\"\"'",
        "'%x'.format([26]) == '1a'",
    ]);
    all_fail(&[
        "'%d'.format(['a'])",
        "'%s %s'.format(['a'])",
        "'%.999f'.format([1.0])",
    ]);
}

#[test]
fn a_name_with_a_dot_before_it_is_a_variable_and_never_one_of_a_comprehension() {
    let program = Program::compile("[1].all(self, .self.text == 'abc' && self == 1)").unwrap();
    let paths: Vec<_> = program.reads().iter().cloned().collect();
    assert_eq!(paths, [["self".to_owned(), "text".to_owned()]]);
    assert_eq!(
        program.eval_bool(&[("self", &json!({"text": "abc"}))]),
        Ok(true)
    );
    let unknown = Program::compile_condition("[1].all(x, .x == 1)", &["self"]).map(|_| ());
    assert!(
        matches!(unknown, Err(Error::UnknownVariable { .. })),
        "{unknown:?}"
    );
}
