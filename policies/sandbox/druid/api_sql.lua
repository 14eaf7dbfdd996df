-- The SQL that an operator asks: sys.servers, sys.segments, sys.server_segments, sys.tasks, sys.supervisors,
-- SELECT 1, and COUNT(*) of a datasource. Columns, AS, COUNT(*), WHERE a = 'b' AND …, GROUP BY; nothing else.
-- And INSERT or REPLACE INTO a datasource as a task, of which only the controller is modelled.

local http = require "druid.http"
local segments = require "druid.segments"
local tables = require "lib.tables"
local tasks = require "druid.tasks"

local M = {}

local ROWS_PER_SEGMENT = 1000

local function exception(message, category)
  return { error = "druidException", errorCode = "invalidInput", persona = "USER",
    category = category or "INVALID_INPUT", errorMessage = message, context = json.object{} }
end

local function invalid(message)
  return http.json(exception(message), 400)
end

-- Rows of the system tables ---------------------------------------------------------------------------

local TABLES = {}

function TABLES.servers(view)
  local rows, sizes = {}, {}
  for _, server in ipairs(segments.historicals(view)) do
    sizes[server.process.pod] = { server.seen and segments.size_of(view, server) or 0, server.max_size, server.tier }
  end
  for _, process in ipairs(view.processes) do
    if process.announced then
      local size = sizes[process.pod] or { 0, 0 }
      local leader = view.leaders[process.type]
      rows[#rows + 1] = { server = process.name, host = process.host, plaintext_port = process.plain and process.port or -1,
        tls_port = process.tls and process.tls_port or -1,
        server_type = process.type == "middleManager" and "middle_manager" or process.type, tier = size[3],
        curr_size = size[1], max_size = size[2], is_leader = leader and (leader.pod == process.pod and 1 or 0) or nil,
        start_time = clock.rfc3339(process.started_ms // 1000), version = process.version }
    end
  end
  return rows
end

function TABLES.server_segments(view)
  local rows = {}
  for _, server in ipairs(segments.historicals(view)) do
    for _, id in ipairs(server.seen and server.record and server.record.segments or {}) do
      rows[#rows + 1] = { server = server.process.name, segment_id = id }
    end
  end
  return rows
end

function TABLES.segments(view)
  local rows, replicas = {}, {}
  for _, row in ipairs(TABLES.server_segments(view)) do
    replicas[row.segment_id] = (replicas[row.segment_id] or 0) + 1
  end
  for i, segment in ipairs(segments.all(view)) do
    local count = replicas[segment.id] or 0
    rows[i] = { segment_id = segment.id, datasource = segment.ds, size = segment.size, num_replicas = count,
      num_rows = ROWS_PER_SEGMENT, is_published = 1, is_active = 1, is_available = count > 0 and 1 or 0, is_realtime = 0,
      is_overshadowed = 0 }
  end
  return rows
end

function TABLES.tasks(view)
  local rows = {}
  for i, id in ipairs(tasks.by_age(view)) do
    local task = view.state.tasks[id]
    local host = task.host and task.host:match("^(.*):%d+$")
    local on = task.state == "RUNNING" and host
    rows[i] = { task_id = id, type = task.type, datasource = task.ds,
      status = task.state == "PENDING" and "RUNNING" or task.state,
      runner_status = tasks.is_over(task) and "NONE" or task.state, host = on or nil,
      location = on and on .. ":" .. task.port or nil, plaintext_port = on and task.port or -1, tls_port = -1,
      duration = task.endMs and task.startMs and task.endMs - task.startMs or -1, error_msg = task.error,
      created_time = "1970-01-01T00:00:00.000Z" }
  end
  return rows
end

function TABLES.supervisors(view)
  local rows = {}
  for i, id in ipairs(tables.keys(view.state.supervisors)) do
    local supervisor = view.state.supervisors[id]
    rows[i] = { supervisor_id = id, type = supervisor.type, source = supervisor.stream,
      suspended = supervisor.suspended and 1 or 0 }
  end
  return rows
end

-- A datasource itself: only counting makes sense; each segment that can be reached has its rows.
local function datasource_rows(view, name)
  if not view.settings.datasources[name] then return nil end
  local rows, reachable = {}, {}
  for _, row in ipairs(TABLES.server_segments(view)) do reachable[row.segment_id] = true end
  for _, segment in ipairs(segments.all(view)) do
    if segment.ds == name and reachable[segment.id] then rows[#rows + 1] = { weight = ROWS_PER_SEGMENT } end
  end
  return #rows > 0 and rows or nil
end

-- The query -----------------------------------------------------------------------------------------

local function plain(text)
  return (text:gsub('"', ""):gsub("^%s+", ""):gsub("%s+$", ""))
end

local function columns_of(text)
  local list = {}
  for item in text:gmatch("[^,]+") do
    local expression, name = plain(item):match("^(.-)%s+[aA][sS]%s+([%w_]+)$")
    expression = expression or plain(item)
    list[#list + 1] = { expression = expression, name = name or (expression:upper() == "COUNT(*)" and "EXPR$0")
      or expression, count = expression:upper():gsub("%s", "") == "COUNT(*)" }
  end
  return list
end

local function fits(row, conditions)
  for _, condition in ipairs(conditions) do
    if tostring(row[condition[1]]) ~= condition[2] then return false end
  end
  return true
end

local function conditions_of(text)
  local list = {}
  for part in (text .. " AND "):gmatch("(.-)%s+[aA][nN][dD]%s+") do
    local key, value = plain(part):match("^([%w_]+)%s*=%s*'?(.-)'?$")
    if not key then return nil end
    list[#list + 1] = { key, value }
  end
  return list
end

local function parse(text)
  local flat = text:gsub("%s+", " "):gsub(";?%s*$", "")
  local query = {}
  flat = flat:gsub(" [oO][rR][dD][eE][rR] [bB][yY] .*$", ""):gsub(" [lL][iI][mM][iI][tT] %d+$", "")
  local before, group = flat:match("^(.*) [gG][rR][oO][uU][pP] [bB][yY] (.*)$")
  flat, query.group = before or flat, group
  local head, where = flat:match("^(.-) [wW][hH][eE][rR][eE] (.*)$")
  flat = head or flat
  query.select, query.from = flat:match("^[sS][eE][lL][eE][cC][tT] (.-) [fF][rR][oO][mM] (.*)$")
  query.conditions = where and conditions_of(where) or {}
  if not query.select or (where and not conditions_of(where)) then return nil end
  query.from = plain(query.from)
  return query
end

local function source(view, query)
  local name = query.from:match("^sys%.([%w_]+)$")
  if name then return TABLES[name] and TABLES[name](view) end
  return datasource_rows(view, query.from:gsub("^druid%.", ""))
end

local function project(row, columns)
  local out = json.object{}
  for _, column in ipairs(columns) do
    local value = row[column.expression]
    out[column.name] = value == nil and json.null or value
  end
  return out
end

-- Groups by the plain columns among those selected; without any, everything is one group.
local function grouped(rows, columns)
  local groups, order = {}, {}
  for _, row in ipairs(rows) do
    local key = {}
    for _, column in ipairs(columns) do
      if not column.count then key[#key + 1] = tostring(row[column.expression]) end
    end
    local text = table.concat(key, "\0")
    if not groups[text] then
      groups[text] = { row = row, count = 0 }
      order[#order + 1] = text
    end
    groups[text].count = groups[text].count + (row.weight or 1)
  end
  local out = json.array{}
  for i, text in ipairs(order) do
    out[i] = project(groups[text].row, columns)
    for _, column in ipairs(columns) do
      if column.count then out[i][column.name] = groups[text].count end
    end
  end
  if #out == 0 and #columns == 1 then out[1] = { [columns[1].name] = 0 } end
  return out
end

local function run(view, text)
  if text:match("^%s*[sS][eE][lL][eE][cC][tT]%s+1%s*;?%s*$") then return { { ["EXPR$0"] = 1 } } end
  local query = parse(text)
  if not query then return nil, "this model cannot read the query" end
  local rows = source(view, query)
  if not rows then return nil, "Object '" .. query.from .. "' not found (line [1], column [1])" end
  local kept, count = {}, false
  for _, row in ipairs(rows) do
    if fits(row, query.conditions) then kept[#kept + 1] = row end
  end
  if query.select == "*" then
    return #kept > 0 and kept or json.array{}
  end
  local columns = columns_of(query.select)
  for _, column in ipairs(columns) do count = count or column.count end
  if count or query.group then return grouped(kept, columns) end
  local out = json.array{}
  for i, row in ipairs(kept) do out[i] = project(row, columns) end
  return out
end

-- Tasks ---------------------------------------------------------------------------------------------

local function is_table(body)
  return type(body) == "table" and body or {}
end

local function refused(id, message, status, category)
  return http.json({ taskId = id or json.null, state = "FAILED", error = exception(message, category) }, status)
end

-- As the real one: the id is that of the query behind "query-", and one that is taken is an error inside.
local function submit(view, request)
  local body, refusal = http.body(request)
  if body == nil then return refusal end
  local text = is_table(body).query
  local verb, name = tostring(text or ""):match("^%s*(%a+)%s+[iI][nN][tT][oO]%s+([^%s]+)")
  local id = is_table(is_table(body).context).sqlQueryId or random.suffix(8)
  if type(text) ~= "string" or not verb or not ({ INSERT = 1, REPLACE = 1 })[verb:upper()] then
    return refused(id, "this model makes tasks of INSERT and REPLACE only", 400)
  elseif not view.leaders.overlord then
    return refused(id, "Service [overlord] is not available", 500, "UNCATEGORIZED")
  end
  local spec = { id = "query-" .. id, type = "query_controller", dataSource = plain(name), sqlQuery = text,
    sqlQueryContext = is_table(body).context }
  if not tasks.submit(view, spec) then
    return refused(id, "Server error [400 Bad Request]; body: Task[" .. spec.id .. "] already exists", 500, "UNCATEGORIZED")
  end
  return http.json({ taskId = spec.id, state = "RUNNING" }, 202)
end

function M.answer(view, process, request)
  if request.path == "/druid/v2/sql/task" and process.type == "broker" then
    return request.method == "POST" and submit(view, request) or http.empty(405)
  end
  if request.path ~= "/druid/v2/sql" and request.path ~= "/druid/v2/sql/" then return nil end
  if process.type ~= "broker" then return http.empty(404) end
  if request.method ~= "POST" then return http.empty(405) end
  local body, refusal = http.body(request)
  if body == nil then return refusal end
  local rows, why = run(view, type(body) == "table" and body.query or "")
  if not rows then return invalid(why) end
  return http.json(rows)
end

return M
