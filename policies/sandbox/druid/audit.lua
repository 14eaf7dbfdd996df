-- The audit trail that Druid keeps of its dynamic configuration. Pure: works on view.state.dynamic.

local http = require "druid.http"

local M = {}

M.KEPT = 20

function M.note(view, key, kind, payload, request)
  local history = view.state.dynamic.history or json.array{}
  local headers = request.headers
  table.insert(history, 1, { key = key, type = kind, time = clock.rfc3339(view.now_ms // 1000),
    author = headers["x-druid-author"] or "", comment = headers["x-druid-comment"] or "", payload = payload })
  history[M.KEPT + 1] = nil
  view.state.dynamic.history = history
end

-- The answer to …/history: newest first, of one key or of a kind.
function M.answer(view, kind, key, query)
  local list = json.array{}
  local limit = math.tointeger(tonumber(query.count)) or M.KEPT
  for _, entry in ipairs(view.state.dynamic.history or {}) do
    if entry.type == kind and (key == nil or entry.key == key) and #list < limit then
      list[#list + 1] = { key = entry.key, type = entry.type, request = json.null, payload = entry.payload,
        auditTime = entry.time:gsub("Z$", ".000Z"),
        auditInfo = { author = entry.author, identity = "allowAll", comment = entry.comment, ip = "10.0.0.1" } }
    end
  end
  return http.json(list)
end

return M
