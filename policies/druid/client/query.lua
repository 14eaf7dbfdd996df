-- SQL, through a Router or a Broker. Each call gives a value or nil, err (see druid.client).

local client = require "druid.client"

local M = {}

-- Rows as tables by column. (facts 3)
function M.sql(druid, text)
  return client.call(druid, "query", { method = "POST", path = "/druid/v2/sql",
    body = json.encode({ query = text, resultFormat = "object" }) })
end

-- Submits an INSERT or REPLACE as a task: body = { query =, context = { sqlQueryId = … } }. Gives the id of the task,
-- which is "query-<sqlQueryId>". Ask the Overlord first whether it is there: a second one is refused by a 500.
function M.submit_task(druid, body)
  local answer, err = client.call(druid, "query", { method = "POST", path = "/druid/v2/sql/task", body = json.encode(body) })
  if answer and type(answer.taskId) == "string" then
    return answer.taskId
  elseif answer then
    return nil, { code = "failed", message = "Druid made no task of the query" }
  elseif err.code == "not_found" then
    err.message = "POST /druid/v2/sql/task: HTTP 404; this Druid takes no SQL for ingestion: it needs Druid 24 or later, and up "
      .. "to 34 druid-multi-stage-query in druid.extensions.loadList"
  end
  return nil, err
end

-- How many segments the Broker knows on each server, { ["h:8083"] = count }: what queries can really reach.
-- The one source that tells when a restarted Historical serves again. (real 9)
function M.segments_by_server(druid)
  local rows, err = M.sql(druid, "SELECT server, COUNT(*) AS segments FROM sys.server_segments GROUP BY server")
  if not rows then
    return nil, err
  end
  local counts = {}
  for _, row in ipairs(rows) do
    if type(row) == "table" and row.server then
      counts[row.server] = row.segments
    end
  end
  return counts
end

return M
