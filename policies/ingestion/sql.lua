-- Ingestion by SQL (Druid's multi-stage query engine): what a query writes to, and what is sent of it. Pure.
--
-- The specification is what Druid's API takes, { query =, context =, parameters = }, or as text just the query.
-- Druid makes a task of it, and the id of the task is "query-" and the id of the query: context.sqlQueryId, or
-- one of ours, so that here too the same work is never taken twice.

local tables = require "lib.tables"

local M = {}

M.prefix = "query-"     -- what Druid puts before the id of a query
local words_max = 1000  -- so many words may stand before INSERT (SET statements)

-- Skips blanks and comments from a position on.
local function skip(text, at)
  while true do
    local here = text:find("[^%s]", at)
    if not here then
      return nil
    elseif text:sub(here, here + 1) == "--" then
      at = text:find("\n", here, true)
    elseif text:sub(here, here + 1) == "/*" then
      at = select(2, text:find("*/", here + 2, true))
      at = at and at + 1
    else
      return here
    end
    if not at then
      return nil
    end
  end
end

-- The word at a position, and where it ends: an identifier without its quotes, a literal with its own, a sign.
local function word(text, at)
  local quote = text:sub(at, at):match("[\"']")
  if not quote then
    local found = text:match("^[%w_$]+", at) or text:sub(at, at)
    return found, at + #found
  end
  local from, parts = at + 1, {}
  while true do
    local stop = text:find(quote, from, true)
    if not stop then
      return nil, #text + 1
    end
    parts[#parts + 1] = text:sub(from, stop - 1)
    if text:sub(stop + 1, stop + 1) ~= quote then
      local inner = table.concat(parts, quote)
      return quote == "'" and "'" .. inner .. "'" or inner, stop + 1, quote == "\""
    end
    from = stop + 2
  end
end

-- Gives the next word of a query: text, and whether it is a quoted name; nil at the end.
local function reader(text)
  local at, count = 1, 0
  return function()
    at, count = at and skip(text, at), count + 1
    if not at or count > words_max then
      return nil
    end
    local found, stop, quoted = word(text, at)
    at = stop
    return found, quoted
  end
end

-- What a query does: "INSERT" or "REPLACE", and the data source it writes to (nil for an export to files); or
-- nil when it writes nothing.
function M.target(query)
  local next_word = reader(query)
  local verb = next_word()
  while verb and verb:upper() == "SET" do
    repeat verb = next_word() until verb == nil or verb == ";"
    verb = next_word()
  end
  verb = (verb or ""):upper()
  local into = next_word()
  if verb ~= "INSERT" and verb ~= "REPLACE" or (into or ""):upper() ~= "INTO" then
    return nil
  end
  local name, quoted = next_word()
  local dot, last = next_word(), nil
  if dot == "." then
    last = next_word()
  end
  if name and not quoted and name:upper() == "EXTERN" and dot == "(" then
    return verb
  end
  return verb, tables.text(last or name)
end

-- The id that the query is to have, when the specification names one.
function M.own_id(spec)
  local id = type(spec.context) == "table" and spec.context.sqlQueryId
  return type(id) == "string" and id ~= "" and id or nil
end

-- What is sent for a job of ingestion.job.
function M.body(job)
  local context = type(job.spec.context) == "table" and job.spec.context or {}
  return tables.merge(job.spec, { context = tables.merge(context, { sqlQueryId = job.id:sub(#M.prefix + 1) }) })
end

-- What is wrong with a specification, and the remedy; nil when nothing is.
function M.problem(spec)
  if type(spec.query) ~= "string" or not spec.query:find("%S") then
    return "has no query", "give the INSERT or REPLACE statement as its query"
  elseif not M.target(spec.query) then
    return "has a query that writes nothing", "begin it with INSERT INTO or REPLACE INTO"
  elseif spec.context ~= nil and type(spec.context) ~= "table" then
    return "has a context that is no object", "write it as context: { maxNumTasks: 3 }"
  end
  return nil
end

return M
