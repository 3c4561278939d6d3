-- One record with a body of args[2] bytes in JSON.
function init(args)
  wrk.method = "POST"
  wrk.headers["content-type"] = "application/json"
  wrk.headers["s2-basin"] = args[1]
  wrk.body = '{"records":[{"body":"' .. string.rep("x", tonumber(args[2])) .. '"}]}'
end
