using System.Globalization;
using ComfyDeploy.Emulator.Http;

namespace ComfyDeploy.Emulator.Faults;

/// <summary>The planned faults, and what each does to an exchange. The first fault that matches a request applies.</summary>
internal sealed class FaultPlan
{
    private readonly List<Fault> _faults = [];
    private readonly List<(DateTime Due, Func<HttpResponse> Execute)> _late = [];

    public void Add(Fault fault)
    {
        lock (_faults) _faults.Add(fault);
    }

    public void Clear()
    {
        lock (_faults) _faults.Clear();
    }

    /// <summary>Executes the late requests that are due. Their responses are dropped.</summary>
    public void CatchUp(DateTime now)
    {
        List<(DateTime Due, Func<HttpResponse> Execute)> due;
        lock (_faults)
        {
            due = _late.FindAll(late => late.Due <= now);
            _late.RemoveAll(late => late.Due <= now);
        }

        foreach ((_, Func<HttpResponse> execute) in due) execute();
    }

    /// <summary>The response to a request, distorted when a fault applies. <paramref name="execute"/> is the service itself.</summary>
    public HttpResponse Answer(HttpRequest request, string path, DateTime now, Func<HttpResponse> execute, Func<int, HttpResponse> error)
    {
        Fault? fault;
        lock (_faults) fault = _faults.Find(f => f.Affects(request, path));
        if (fault is null) return execute();
        switch (fault.Kind)
        {
            case FaultKind.Reset:
                return new HttpResponse { Status = 0, Delivery = Delivery.Reset };
            case FaultKind.Hang:
                return new HttpResponse { Status = 0, Delivery = Delivery.Never };
            case FaultKind.Late:
                lock (_faults) _late.Add((now + fault.Delay, execute));
                return new HttpResponse { Status = 0, Delivery = Delivery.Reset };
            case FaultKind.Redirect:
                HttpResponse redirect = new() { Status = fault.Number };
                redirect.Headers["location"] = fault.Target;
                return redirect;
            case FaultKind.Status:
                if (fault.Executed) execute();
                return StatusResponse(fault, now, error);
            default:
                HttpResponse response = execute();
                Distort(fault, response);
                return response;
        }
    }

    private static HttpResponse StatusResponse(Fault fault, DateTime now, Func<int, HttpResponse> error)
    {
        HttpResponse response = error(fault.Number);
        if (fault.RetryAfterSeconds is int seconds)
        {
            response.Headers["retry-after"] = fault.RetryAfterAsDate
                ? now.AddSeconds(seconds).ToString("R", CultureInfo.InvariantCulture)
                : seconds.ToString(CultureInfo.InvariantCulture);
        }

        return response;
    }

    private static void Distort(Fault fault, HttpResponse response)
    {
        switch (fault.Kind)
        {
            case FaultKind.Latency:
                response.Latency = fault.Delay;
                break;
            case FaultKind.Stall:
                response.Delivery = Delivery.Never;
                break;
            case FaultKind.Lost:
                response.Delivery = Delivery.Reset;
                break;
            case FaultKind.Cut:
                response.Delivery = Delivery.Cut;
                break;
            case FaultKind.Close:
                response.Delivery = Delivery.Close;
                break;
            case FaultKind.Truncate:
                response.Body = response.Body.Take(response.Body.Length / 2).ToArray();
                break;
            case FaultKind.WrongTypes:
                response.Body = JsonDistortion.SwapTypes(response.Body);
                break;
            case FaultKind.WrongLength:
                response.LengthError = 10;
                break;
            case FaultKind.Drip:
                response.BytesPerSecond = fault.Number;
                break;
        }
    }
}
