#Requires -Version 7.4

BeforeAll { . $PSScriptRoot/common.ps1 }

AfterAll { Clear-TestState }

Describe 'Disconnect-ComfyDeploy' {
    BeforeEach { $emulator = New-TestEmulator }

    It 'closes the default connection, and returns no output' {
        Disconnect-ComfyDeploy | Should -BeNullOrEmpty
        Get-ComfyConnection | Should -BeNullOrEmpty
        { Get-ComfyRun } | Should -Throw -ErrorId 'NotConnected,*'
    }

    It 'reports an error when there is none' {
        Disconnect-ComfyDeploy
        Disconnect-ComfyDeploy -ErrorVariable errors -ErrorAction SilentlyContinue
        $errors.FullyQualifiedErrorId | Should -Be 'ConnectionNotFound,ComfyDeploy.Commands.DisconnectComfyDeployCommand'
    }

    It 'closes by name, by object and from the pipeline' {
        foreach ($name in 'a', 'b', 'c') { Connect-ComfyDeploy $emulator.ApiKey -BaseUri $emulator.BaseUri -Name $name -SkipCheck }
        Disconnect-ComfyDeploy a
        Disconnect-ComfyDeploy (Get-ComfyConnection b)
        Get-ComfyConnection c | Disconnect-ComfyDeploy
        (Get-ComfyConnection).Name | Should -Be 'emulator'
    }

    It 'continues after an unknown name' {
        Connect-ComfyDeploy $emulator.ApiKey -BaseUri $emulator.BaseUri -Name a -SkipCheck
        Disconnect-ComfyDeploy nope, a -ErrorVariable errors -ErrorAction SilentlyContinue
        $errors.Count | Should -Be 1
        $errors[0].FullyQualifiedErrorId | Should -BeLike 'ConnectionNotFound,*'
        $errors[0].Exception.Message | Should -BeLike "*'nope'*emulator*"
        (Get-ComfyConnection).Name | Should -Be 'emulator'
    }

    It 'causes NotConnected for objects of the closed connection' {
        $run = Start-ComfyRun portrait @{ prompt = 'x' }
        Disconnect-ComfyDeploy
        { $run | Get-ComfyRun } | Should -Throw -ErrorId 'NotConnected,*'
    }

    It 'does not affect other connections' {
        Connect-ComfyDeploy $emulator.ApiKey -BaseUri $emulator.BaseUri -Name other
        Disconnect-ComfyDeploy other
        Test-ComfyConnection | Should -BeTrue
    }

    It 'completes the names of open connections' {
        Get-Completion 'Disconnect-ComfyDeploy -Connection e' | Should -Be 'emulator'
        Get-Completion 'Disconnect-ComfyDeploy ' | Should -Contain 'emulator'
    }
}
