-- Answers as Druid's processes give them, and what is asked, taken apart. Pure.

local M = {}

local TYPES = { json = "application/json", html = "text/html;charset=iso-8859-1", text = "text/plain" }

local function answer(kind, status, body)
  return { status = status, headers = { ["Content-Type"] = TYPES[kind] }, body = body }
end

function M.json(value, status)
  return answer("json", status or 200, (json.encode(value)))
end

-- Text under application/json, as some of Druid's endpoints do.
function M.raw(text, status)
  return answer("json", status or 200, text)
end

function M.text(text, status)
  return answer("text", status or 200, text)
end

function M.html(status, text)
  return answer("html", status, "<html>\n<head>\n<title>Error " .. status .. " " .. text
    .. "</title>\n</head>\n<body><h2>HTTP ERROR " .. status .. "</h2>\n<p>" .. text .. "</p></body>\n</html>\n")
end

function M.empty(status)
  return { status = status or 200, headers = json.object{}, body = "" }
end

function M.error(status, text)
  return M.json({ error = text }, status)
end

function M.redirect(url)
  return { status = 307, headers = { Location = url }, body = "" }
end

-- "%2F" is "/".
function M.decode(text)
  return (text:gsub("%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end))
end

-- "simple&count=3" is { simple = "", count = "3" }.
function M.query(raw)
  local query = {}
  for pair in (raw or ""):gmatch("[^&]+") do
    local key, value = pair:match("^([^=]*)=?(.*)$")
    query[M.decode(key)] = M.decode((value:gsub("%+", " ")))
  end
  return query
end

-- The parts of a path: "/a/b%2Fc" is { "a", "b/c" }.
function M.parts(path)
  local parts = {}
  for part in path:gmatch("[^/]+") do parts[#parts + 1] = M.decode(part) end
  return parts
end

-- "Basic …": user and password, or nil.
function M.credentials(header)
  local encoded = header and header:match("^[Bb]asic%s+(%S+)$")
  local plain = encoded and digest.base64_decode(encoded)
  if not plain then return nil end
  return plain:match("^([^:]*):(.*)$")
end

-- The body as JSON; nil and the answer for what is none.
function M.body(request)
  local kind = request.headers["content-type"] or ""
  if not kind:find("^application/json") then return nil, M.empty(415) end
  local value = json.decode(request.body)
  if value == nil then return nil, M.html(500, "com.fasterxml.jackson.core.JsonParseException") end
  return value
end

return M
