-- Reads what Druid answered: a value, or an error with a code, an excerpt and a hint. Pure.
--
-- An error body of Druid may be empty, HTML, plain text, JSON, or plain text that is labelled JSON: the
-- status code decides, the body is for people. What looks like a secret is left out of the excerpt.

local M = {}

M.excerpt_max = 200

-- { code =, hint = } by HTTP status; anything else is "failed".
M.meanings = {
  [400] = { code = "invalid", hint = nil },
  [401] = { code = "unauthorized", hint = "check the user and password in the Secret that auth names" },
  [403] = { code = "forbidden", hint = "the user needs READ and WRITE on STATE, CONFIG and DATASOURCE" },
  [404] = { code = "not_found", hint = nil },
  [409] = { code = "conflict", hint = nil },
  [502] = { code = "unavailable", hint = "the process behind the Router is not there" },
  [503] = { code = "unavailable", hint = "no leader is known yet; it may still be starting" },
  [504] = { code = "unavailable", hint = "the process behind the Router does not answer" },
}

-- What stands after password, secret or token, and between user: and @ in an address.
local function hide_secrets(text)
  for _, word in ipairs({ "[Pp]assword", "[Ss]ecret", "[Tt]oken" }) do
    local start = "(" .. word .. "[%w%.%-_]*[\"'\\]*%s*[:=]%s*"
    text = text:gsub(start .. "\\*\")[^\"]+", "%1***"):gsub(start .. ")[^%s,;}\"]+", "%1***")
  end
  return (text:gsub("(://[^:/@%s]+:)[^@/%s]+@", "%1***@"))
end

-- Cut where a character ends.
local function cut(text, max)
  if #text <= max then
    return text
  end
  while max > 0 and text:byte(max + 1) >= 0x80 and text:byte(max + 1) < 0xC0 do
    max = max - 1
  end
  return text:sub(1, max) .. "..."
end

-- What a body says, in one short line; "" when it says nothing.
function M.excerpt(body)
  body = (body or ""):sub(1, 16384)
  local said
  local value = body:find("^%s*{") and json.decode(body)
  if type(value) == "table" and type(value.error) == "table" then
    value = value.error   -- of a SQL task
  end
  if type(value) == "table" then
    for _, key in ipairs({ "errorMessage", "error", "message", "Access-Check-Result" }) do
      if not said and type(value[key]) == "string" and value[key] ~= "" then
        said = value[key]
      end
    end
  end
  if not said and body:find("<[hH!]") then
    said = body:match("<[tT][iI][tT][lL][eE]>(.-)</") or body:gsub("<[^>]*>", " ")
  end
  local text = hide_secrets((said or body):sub(1, 5 * M.excerpt_max)):gsub("[%c%s]+", " ")
  return cut(text:gsub("^ ", ""):gsub(" $", ""), M.excerpt_max)
end

-- The error for an answer. what: "GET /druid/… of Service x"; answer.anonymous: it was asked without credentials.
function M.failure(what, answer)
  local meaning = M.meanings[answer.status] or { code = "failed" }
  local said, hint = M.excerpt(answer.body), meaning.hint
  if answer.status == 401 and answer.anonymous then
    hint = "name a Secret with user and password in spec.auth"
  end
  if answer.status == 404 and (answer.body or ""):find("<html", 1, true) then
    hint = "is druid.router.managementProxy.enabled=true set on the Router?"
  end
  local message = string.format("%s: HTTP %d", what, answer.status)
  if said ~= "" then
    message = message .. " " .. said
  end
  if hint then
    message = message .. "; " .. hint
  end
  return { code = meaning.code, status = answer.status, excerpt = said, message = message }
end

-- The error for a call that got no answer. err: of http.request. A certificate that is not accepted does not
-- heal by waiting, so it has a code of its own.
function M.silence(what, err)
  local code, hint = err.code, "is the process up, and may the operator reach it?"
  if err.code == "timeout" then
    hint = "it accepts no connection or does not answer in time"
  elseif (err.reason or ""):find("Certificate", 1, true) then
    code, hint = "certificate", "name the authority of Druid's certificates in spec.api.ca"
  end
  return { code = code, reason = err.reason, message = string.format("%s: %s; %s", what, err.message, hint) }
end

function M.is_redirect(answer)
  return answer.status == 307 or answer.status == 308 or answer.status == 302
end

-- The value of a good answer. kind: "text" gives the body, "nothing" true, otherwise it is a table of JSON; with
-- "maybe" it may be json.null, which an empty body is, too.
function M.value(what, answer, kind)
  if answer.status < 200 or answer.status > 299 then
    return nil, M.failure(what, answer)
  end
  if kind == "nothing" then
    return true
  elseif kind == "text" then
    return (answer.body:gsub("^%s*\"?", ""):gsub("\"?%s*$", ""))
  end
  local value = json.null
  if not answer.body:find("^%s*$") then
    value = json.decode(answer.body)
  end
  if type(value) ~= "table" and not (kind == "maybe" and value == json.null) then
    return nil, { code = "failed", status = answer.status,
      message = string.format("%s: the answer is no JSON object or list: %s", what, M.excerpt(answer.body)) }
  end
  return value
end

-- A table, or an empty one: for members that may be null or missing.
function M.table(value)
  return type(value) == "table" and value or {}
end

-- What is waited for while such an error lasts, for a status.
function M.waiting(err)
  return err.code == "no_place" and "Waits: " .. err.message or "Waits for Druid's API to answer (" .. err.code .. ")"
end

-- Is an error one that passes by itself while a cluster starts or a leader changes?
function M.passes(err)
  local code = err.code
  return code == "network" or code == "timeout" or code == "unavailable" or code == "busy"
    or code == "no_place" or code == "canceled"
end

return M
