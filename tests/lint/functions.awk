# Prints the functions that a C file defines, a line each, with tabs between:
# file, line, name, the head and the body, both as tokens with a blank between.
# "static", "extern", "inline" and attributes are left out of the head, and comments everywhere.

{ text = text $0 "\n" }

END {
  line = at_line_start = 1
  depth = head_count = 0
  while (text != "") {
    token = next_token()
    if (token == "") continue
    if (depth == 0) outside(token)
    else inside(token)
  }
}

# Takes one token off the text; "" for white space and comments, which are none.
function next_token(  length_now, token) {
  if (match(text, /^[ \t\n\f\r]+/)) length_now = -RLENGTH
  else if (match(text, /^\/\/[^\n]*/)) length_now = -RLENGTH
  else if (substr(text, 1, 2) == "/*") length_now = -(index(substr(text, 3), "*/") + 3)
  else if (substr(text, 1, 1) == "#" && at_line_start) {
    match(text, /^([^\\\n]|\\\n|\\[^\n])*/)
    length_now = RLENGTH
  } else if (match(text, /^"([^"\\\n]|\\.)*"/)) length_now = RLENGTH
  else if (match(text, /^'([^'\\\n]|\\.)*'/)) length_now = RLENGTH
  else if (match(text, /^[A-Za-z0-9_.]+/)) length_now = RLENGTH
  else length_now = 1

  token_line = line
  token = substr(text, 1, length_now < 0 ? -length_now : length_now)
  text = substr(text, length(token) + 1)
  at_line_start = token ~ /\n[ \t]*$/ || (at_line_start && token ~ /^[ \t]+$/)
  line += gsub(/\n/, "\n", token)
  return length_now < 0 ? "" : token
}

function outside(token) {
  if (token ~ /^#/ && length(token) > 1) return # a directive, between functions
  if (token == ";") { head_count = 0; return }
  if (token == "{") {
    depth = 1
    body = ""
    is_function = take_head()
    return
  }
  if (head_count == 0) head_line = token_line
  head_token[++head_count] = token
}

function inside(token) {
  if (token == "{") depth++
  if (token == "}" && --depth == 0) {
    if (is_function) {
      print FILENAME "\t" head_line "\t" name "\t" head "\t" substr(body, 2)
      head_count = 0
    } else {
      # What follows a structure or an initialiser ends with a semicolon, or is
      # the type of what comes: a name in its place is enough.
      head_token[++head_count] = "{}"
    }
    return
  }
  gsub(/[\t\n]/, " ", token)
  body = body " " token
}

# Sets name and head from the tokens before a "{"; 0 if they are not a function's.
function take_head(  i, level, seen) {
  head = name = ""
  for (i = 1; i <= head_count; i++) {
    if (head_token[i] ~ /^(static|extern|inline)$/) continue
    if (head_token[i] == "__attribute__") {
      level = 0
      do {
        i++
        if (head_token[i] == "(") level++
        if (head_token[i] == ")") level--
      } while (level > 0 && i < head_count)
      continue
    }
    if (head_token[i] == "=") return 0
    if (head_token[i] == "(" && name == "" && seen ~ /^[A-Za-z_]/) name = seen
    seen = head_token[i]
    head = head (head == "" ? "" : " ") seen
  }
  return name != "" && seen == ")"
}
