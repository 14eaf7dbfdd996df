-- SQL, through a Router or a Broker. Each call gives a value or nil, err (see druid.client).

local client = require "druid.client"

local M = {}

-- Rows as tables by column. (facts 3)
function M.sql(druid, text)
  return client.call(druid, "query", { method = "POST", path = "/druid/v2/sql",
    body = json.encode({ query = text, resultFormat = "object" }) })
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
