-- Reads a DruidIngestion into a job: what is to be submitted, under which id, and what belongs to it. Pure.
--
-- A job has kind "task" (runs once) or "supervisor" (runs on), and is_sql where the task is a query; spec, a plain
-- table, and text, its JSON as the object has it; id; datasource; compaction and rules, or nil. The id of a task is
-- ours and follows from the object and the specification, so that the same one is never taken twice by Druid,
-- whatever became of an answer.

local included = require "lib.included"
local sql = require "ingestion.sql"
local tables = require "lib.tables"

local M = {}

M.finalizer = "druidingestion.datainfra.io/finalizer"   -- as it has been called for years
M.ignored = "druid.apache.org/ignored"                  -- annotation: "true" pauses it
M.again = "nemeton.dev/run-again"                       -- annotation: another value runs a task once more
M.marker = "nemeton.dev/spec"                           -- in a supervisor's context: which specification it is

-- spec.ingestion.type = what Druid is given. An overlay may add to it.
M.kinds = { ["native-batch"] = "task", ["index-hadoop"] = "task", sql = "task", kafka = "supervisor", kinesis = "supervisor",
  rabbit = "supervisor", autocompact = "supervisor", scheduled_batch = "supervisor", supervisor = "supervisor" }
-- Supervisors that keep a context.
M.streams = { kafka = true, kinesis = true, rabbit = true }
local id_name_max = 100

-- The specification as a plain table, or nil and what is wrong.
local function specification(ingestion)
  if ingestion.nativeSpec ~= nil and next(ingestion.nativeSpec) ~= nil then
    return ingestion.nativeSpec, "spec.ingestion.nativeSpec"
  end
  local text = tables.text(ingestion.spec)
  if not text then
    return nil, "spec.ingestion.nativeSpec", "is missing",
      "give the specification as an object, or as JSON text in spec.ingestion.spec"
  end
  if ingestion.type == "sql" and not text:find("^%s*{") then
    return { query = text }, "spec.ingestion.spec"
  end
  local value, err = json.decode(text)
  if type(value) ~= "table" or #value > 0 then
    return nil, "spec.ingestion.spec",
      value == nil and "is not JSON: " .. tostring(err and err.message or err) or "is no JSON object",
      "give one object, such as {\"type\": \"index_parallel\", \"spec\": {...}}"
  end
  return value, "spec.ingestion.spec"
end

local function text_at(value, ...)
  for i = 1, select("#", ...) do
    value = type(value) == "table" and value[select(i, ...)] or nil
  end
  return type(value) == "string" and value ~= "" and value or nil
end

-- The data source that a specification writes to, or nil.
function M.datasource(spec, is_sql)
  if is_sql then
    return type(spec.query) == "string" and select(2, sql.target(spec.query)) or nil
  end
  return text_at(spec, "spec", "dataSchema", "dataSource") or text_at(spec, "dataSchema", "dataSource")
    or text_at(spec, "spec", "dataSource") or text_at(spec, "dataSource")
end

-- The id under which a supervisor will be known, or nil when only Druid can say.
function M.supervisor_id(spec)
  if text_at(spec, "id") then
    return spec.id
  elseif spec.type == "autocompact" then
    return M.datasource(spec) and "autocompact__" .. M.datasource(spec)
  end
  return M.datasource(spec)
end

-- attempt: how often the same task was begun anew after it had been suspended.
local function task_id(object, type_name, text, attempt)
  local metadata = object.metadata
  local again = tables.dig(metadata, "annotations", M.again) or ""
  local digest_text = digest.sha256(table.concat({ metadata.uid or "", text, again, tostring(attempt) }, "\n"))
  return string.format("%s_%s_%s_%s", type_name:gsub("[^%w_%-]", "_"), metadata.namespace or "default",
    metadata.name:sub(1, id_name_max), digest_text:sub(1, 12))
end

-- The id of a job, and whether the specification names it.
local function id_of(object, spec, kind, text, attempt)
  if kind == "supervisor" then
    return M.supervisor_id(spec), text_at(spec, "id") ~= nil
  elseif object.spec.ingestion.type ~= "sql" then
    return text_at(spec, "id") or task_id(object, spec.type, text, attempt), text_at(spec, "id") ~= nil
  end
  local own = sql.own_id(spec)
  return sql.prefix .. (own or task_id(object, "sql", text, attempt)), own ~= nil
end

-- object: a plain table that check.problems has let pass; attempt: a number.
function M.of(object, attempt)
  local ingestion = object.spec.ingestion
  local spec, field = specification(ingestion)
  local kind, text = M.kinds[ingestion.type], json.encode(spec)
  local again = tables.dig(object.metadata, "annotations", M.again)
  local id, own_id = id_of(object, spec, kind, text, attempt or 0)
  local datasource = M.datasource(spec, ingestion.type == "sql")
  return {
    kind = kind, is_sql = ingestion.type == "sql", spec = spec,
    text = field == "spec.ingestion.spec" and ingestion.spec or text,
    again = kind == "task" and again or nil,
    digest = digest.sha256(text),
    id = id, own_id = own_id,
    datasource = datasource,
    compacted = text_at(ingestion, "compaction", "dataSource") or datasource,
    suspend = object.spec.suspend == true,
    compaction = ingestion.compaction ~= nil and next(ingestion.compaction) ~= nil and ingestion.compaction or nil,
    rules = ingestion.rules ~= nil and #ingestion.rules > 0 and ingestion.rules or nil,
  }
end

-- What is sent: with the id of a task, and the marker of a supervisor that keeps one.
function M.body(job)
  if job.is_sql then
    return sql.body(job)
  end
  local body = tables.shallow(job.spec)
  if job.kind == "task" then
    body.id = job.id
    return body
  end
  if M.streams[body.type] then
    local context = type(body.context) == "table" and body.context or {}
    body.context = tables.merge(context, { [M.marker] = job.digest:sub(1, 16) })
  end
  if job.suspend then
    body.suspended = true
  end
  return body
end

-- Is what Druid has what we sent last? there: the supervisor as Druid keeps it.
function M.carries_marker(job, there)
  local context = type(there.context) == "table" and there.context or {}
  return context[M.marker] == job.digest:sub(1, 16)
end

-- Is all that is wanted in what Druid has? The number of tasks is Druid's when it scales them itself.
function M.is_in(job, there)
  local wanted = json.copy(job.spec)
  local config = type(wanted.spec) == "table" and type(wanted.spec.ioConfig) == "table" and wanted.spec.ioConfig
  local scaler = config and config.autoScalerConfig
  if type(scaler) == "table" and scaler.enableTaskAutoScaler == true then
    config.taskCount = nil
  end
  if job.suspend then
    wanted.suspended = nil
  end
  return included.part(wanted, there, { loose = true })
end

-- Was this very specification submitted before, as the status has it?
function M.was_submitted(job, old)
  local text = old["currentIngestionSpec.json"]
  if not tables.text(old.taskId) or not tables.text(text) or (old.kind and old.kind ~= job.kind)
    or job.again and old.runAgain ~= job.again then
    return false
  end
  local before = text == job.text and job.spec or json.decode(text)
  return before ~= nil and json.equal(before, job.spec)
end

-- What is wrong with a native specification: calls add(message, remedy, below).
local function check_native(ingestion, spec, kind, add)
  local streams = M.streams[spec.type or ""] or spec.type == "autocompact"
  if not text_at(spec, "type") then
    add("is missing", kind == "task" and "give the type of the task, such as index_parallel"
      or "give the type of the supervisor, such as kafka", ".type")
  elseif kind == "task" and streams then
    add("\"" .. spec.type .. "\" is a supervisor", "set spec.ingestion.type to " .. spec.type, ".type")
  elseif M.streams[ingestion.type] and spec.type ~= ingestion.type then
    add("\"" .. spec.type .. "\" is not " .. ingestion.type, "let both say the same", ".type")
  elseif kind == "supervisor" and not M.supervisor_id(spec) then
    add("names no data source", "set spec.dataSchema.dataSource in it")
  end
end

-- What is wrong with the specification: calls add(field, message, remedy). ingestion: a plain table of a type that
-- is known.
function M.check(ingestion, add)
  local spec, field, message, remedy = specification(ingestion)
  if not spec then
    add(field, message, remedy)
    return
  end
  local is_sql = ingestion.type == "sql"
  local function here(what, cure, below)
    add(field .. (below or ""), what, cure)
  end
  if is_sql then
    message, remedy = sql.problem(spec)
    if message then
      here(message, remedy)
      return
    end
  else
    check_native(ingestion, spec, M.kinds[ingestion.type], here)
  end
  if (ingestion.compaction ~= nil and next(ingestion.compaction) ~= nil and not text_at(ingestion.compaction, "dataSource")
      or ingestion.rules ~= nil and #ingestion.rules > 0) and not M.datasource(spec, is_sql) then
    here("names no data source, which compaction and rules need", is_sql and "let the query write to one"
      or "set spec.dataSchema.dataSource in it")
  end
end

return M
