# Splits the JSON object in the input: each of its members becomes a file of $FOLDER, whose path is printed. A text loses
# its quotes and escapes; any other value is written as the JSON that it is. A value is never printed.
{ rest = rest (NR > 1 ? "\n" : "") $0 }
END {
  escape["n"] = "\n"; escape["t"] = "\t"; escape["r"] = "\r"; escape["b"] = "\b"; escape["f"] = "\f"
  take("^{")
  if (!starts("^}")) {
    do {
      name = text(take("^" STRING()))
      if (name == "" || name == "." || name == ".." || name ~ /[\/\n]/) fail("has a key that is no name of a file")
      take("^:")
      file = ENVIRON["FOLDER"] name
      printf "%s", value() > file
      close(file)
      print file
    } while (starts("^,") && take("^,"))
  }
  take("^}")
  if (rest !~ /^[ \t\r\n]*$/) fail("is no JSON object")
}
function STRING() { return "\"([^\"\\\\]|\\\\.)*\"" }
function skip() { sub(/^[ \t\r\n]+/, "", rest) }
function starts(what) { skip(); return rest ~ what }
function take(what,   token) {
  skip()
  if (!match(rest, what)) fail("is no JSON object")
  token = substr(rest, 1, RLENGTH)
  rest = substr(rest, RLENGTH + 1)
  return token
}
function value(   whole, depth, token) {
  if (starts("^\"")) return text(take("^" STRING()))
  if (!starts("^[[{]")) return take("^(-?[0-9][-+.0-9eE]*|true|false|null)")
  do {
    token = take("^(" STRING() "|[][{}:,]|[-+.0-9a-zA-Z]+)")
    if (token ~ /^[[{]$/) depth++
    if (token ~ /^[]}]$/) depth--
    whole = whole token
  } while (depth)
  return whole
}
function text(token,   out, at, mark, code, low) {
  token = substr(token, 2, length(token) - 2)
  while (at = index(token, "\\")) {
    out = out substr(token, 1, at - 1)
    mark = substr(token, at + 1, 1)
    token = substr(token, at + 2)
    if (mark == "u") {
      code = number(token)
      token = substr(token, 5)
      if (code >= 55296 && code < 56320 && token ~ /^\\u/) {
        low = number(substr(token, 3))
        if (low < 56320 || low > 57343) fail("is no JSON object")
        code = 65536 + (code - 55296) * 1024 + low - 56320
        token = substr(token, 7)
      }
      if (code == 0 || code >= 55296 && code < 57344) fail("has a character that cannot be written")
      out = out bytes(code)
    } else if (mark ~ /["\\\/]/) out = out mark
    else if (mark in escape) out = out escape[mark]
    else fail("is no JSON object")
  }
  return out token
}
function number(digits,   i, found, sum) {
  for (i = 1; i <= 4; i++) {
    found = index("0123456789abcdef", tolower(substr(digits, i, 1)))
    if (!found || i > length(digits)) fail("is no JSON object")
    sum = sum * 16 + found - 1
  }
  return sum
}
function bytes(code) {
  if (code < 128) return sprintf("%c", code)
  if (code < 2048) return sprintf("%c", 192 + int(code / 64)) last(code)
  if (code < 65536) return sprintf("%c", 224 + int(code / 4096)) last(int(code / 64)) last(code)
  return sprintf("%c", 240 + int(code / 262144)) last(int(code / 4096)) last(int(code / 64)) last(code)
}
function last(code) { return sprintf("%c", 128 + code % 64) }
function fail(why) {
  print "the secret for " ENVIRON["FOLDER"] " " why > "/dev/stderr"
  exit 1
}
