#Requires -Version 7.4

BeforeAll {
    . $PSScriptRoot/common.ps1

    function Test-Fault {
        [CmdletBinding()]
        param([string] $Fault)
        $emulator = New-TestEmulator -Fault $Fault
        Test-ComfyConnection -Detailed -WarningVariable warnings -WarningAction SilentlyContinue
        if ($warnings -or $emulator.Requests.Count -ne 1) { throw "It retried: $($emulator.Requests.Count) requests, $warnings" }
    }
}

AfterAll { Clear-TestState }

Describe 'Test-ComfyConnection' {
    It 'returns one Boolean' {
        $emulator = New-TestEmulator
        $result = @(Test-ComfyConnection)
        $result.Count | Should -Be 1
        $result[0] | Should -BeExactly $true
        $result[0] | Should -BeOfType bool
        $emulator.Requests.Count | Should -Be 1
    }

    It 'is false for a rejected key, with the reason on the verbose stream and no error' {
        $emulator = New-TestEmulator
        Connect-ComfyDeploy (ConvertTo-SecureString 'nope' -AsPlainText) -BaseUri $emulator.BaseUri -SkipCheck
        $result = Test-ComfyConnection -Verbose -ErrorVariable errors 4>&1
        $result[-1] | Should -BeExactly $false
        $errors | Should -BeNullOrEmpty
        "$($result[0])" | Should -Match 'BadKey'
    }

    It '<Fault> is <Result>' -ForEach @(
        @{ Fault = 'GET /workflows = 401 always'; Result = 'BadKey' }
        @{ Fault = 'GET /workflows = 403 always'; Result = 'Forbidden' }
        @{ Fault = 'GET /workflows = 404 always'; Result = 'WrongBaseUri' }
        @{ Fault = 'GET /workflows = 407 always'; Result = 'Proxy' }
        @{ Fault = 'GET /workflows = 503 always'; Result = 'Unreachable' }
        @{ Fault = 'GET /workflows = redirect https://login.example/ always'; Result = 'WrongBaseUri' }
    ) {
        $test = Test-Fault $Fault
        $test | Should -BeOfType ComfyDeploy.ComfyConnectionTest
        $test.Result | Should -Be $Result
        $test.Message | Should -Not -BeNullOrEmpty
        $test.LatencyMs | Should -BeGreaterOrEqual 0
    }

    It 'is Unreachable when no server listens' {
        $emulator = New-TestEmulator
        $emulator.Stop()
        (Test-ComfyConnection -Detailed).Result | Should -Be 'Unreachable'
        Test-ComfyConnection | Should -BeExactly $false
    }

    It 'is Unreachable when the response is never complete' {
        $null = New-TestEmulator -Fault 'GET /workflows = lost always'
        (Test-ComfyConnection -Detailed).Result | Should -Be 'Unreachable'
    }

    It 'is WrongBaseUri when there is no API' {
        $emulator = New-TestEmulator
        Connect-ComfyDeploy $emulator.ApiKey -BaseUri ([uri]::new($emulator.BaseUri, '/elsewhere')) -SkipCheck
        (Test-ComfyConnection -Detailed).Result | Should -Be 'WrongBaseUri'
    }

    It 'accepts a connection by position and by name' {
        $emulator = New-TestEmulator
        Test-ComfyConnection emulator | Should -BeTrue
        Test-ComfyConnection (Get-ComfyConnection emulator) | Should -BeTrue
        Test-ComfyConnection -Connection emulator | Should -BeTrue
        $emulator.Requests.Count | Should -Be 3
    }

    It 'says which connection a row is' {
        $emulator = New-TestEmulator
        Connect-ComfyDeploy (ConvertTo-SecureString 'nope' -AsPlainText) -BaseUri $emulator.BaseUri -Name lab -SkipCheck
        $rows = Get-ComfyConnection | Test-ComfyConnection -Detailed
        $rows.ForEach{ "$($_.ConnectionName) $($_.Result)" } | Should -Be 'emulator Ok', 'lab BadKey'
    }

    It 'reports an error only when there is no connection to test' {
        Clear-TestState
        { Test-ComfyConnection } | Should -Throw -ErrorId 'NotConnected,*'
        { Test-ComfyConnection -Connection nope } | Should -Throw -ErrorId 'ConnectionNotFound,*'
    }

    It 'stops within 200 ms while the service hangs' {
        $emulator = New-TestEmulator -Fault 'GET /workflows = hang always'
        $hung = $emulator
        $stopped = Measure-TestStop 'Test-ComfyConnection' -When { $hung.Requests.Count -gt 0 }
        $stopped.Milliseconds | Should -BeLessOrEqual 200
        $stopped.Errors | Should -BeNullOrEmpty
        $stopped.Output | Should -BeNullOrEmpty
    }
}
